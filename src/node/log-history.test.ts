import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forgetGone, type Places } from './log-history.ts'

test('who follows an app for a year remembers no pods that are gone, and reads none twice', () => {
  const places: Places = new Map()
  const place = { attempt: 1, segment: 2, offset: 3 }
  for (let pod = 0; pod < 1_000; pod++) {
    for (const container of ['app', 'side']) places.set(`pod-${pod}/${container}`, place)
    forgetGone(places, [{ uid: `pod-${pod}` }, { uid: `pod-${pod - 1}` }, { uid: 'not-read-yet' }])
  }
  assert.deepEqual([...places.keys()], ['pod-998/app', 'pod-998/side', 'pod-999/app', 'pod-999/side'])
})
