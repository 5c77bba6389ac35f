import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPodsMax } from './pods-max.ts'

test('how many pods a node takes is a number that its addresses allow', () => {
  assert.equal(readPodsMax({}), undefined)
  assert.equal(readPodsMax({ SAMPAN_PODS_MAX: '110' }), 110)
  for (const text of ['0', '1023', '1.5', 'many'])
    assert.throws(() => readPodsMax({ SAMPAN_PODS_MAX: text }), /SAMPAN_PODS_MAX is .*: write a number/)
})
