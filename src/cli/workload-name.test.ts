import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePodName, parseWorkloadName } from './workload-name.ts'

const rows: readonly (readonly [text: string, name: string, isPod: boolean])[] = [
  ['web', 'web', false],
  ['pod/web-5d8c7', 'web-5d8c7', true],
  ['po/web-5d8c7', 'web-5d8c7', true],
  ['deploy/web', 'web', false],
  ['Deployment/web', 'web', false],
  ['deployments.apps/web', 'web', false],
  ['sts/db', 'db', false],
]
for (const [text, name, isPod] of rows)
  test(`${text} is ${isPod ? 'the pod' : 'the app or the pod'} ${name}`, () =>
    assert.deepEqual(parseWorkloadName(text), { name, isPod }))

for (const text of ['svc/web', 'deploy/', '/web'])
  test(`${text} is refused with what may be written`, () =>
    assert.throws(
      () => parseWorkloadName(text),
      /names no pod and no app: write NAME, pod\/NAME or deployment\/NAME/,
    ))

test('where one pod is needed, an app is refused with the way to its pods', () => {
  assert.equal(parsePodName('pod/web-1'), 'web-1')
  assert.equal(parsePodName('web-1'), 'web-1')
  assert.throws(
    () => parsePodName('deploy/web'),
    /"deploy\/web" is no pod: `kubectl get pods` lists those of web/,
  )
})
