import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idleMsMin, planEviction, type CacheItem } from './cache-room.ts'

const nowMs = 1e12
const item = (path: string, bytes: number, agoMs: number): CacheItem => ({
  path,
  stamp: path,
  bytes,
  usedMs: nowMs - agoMs,
})
const day = 86_400_000
const items = [
  item('/c/npm/a@1/k', 100, 3 * day),
  item('/c/npm/b@1/k', 100, 2 * day),
  item('/c/node/22', 100, day),
]
const plan = (bytesMax: number, inUse: readonly string[] = [], some = items) =>
  planEviction(some, { bytesMax, inUse, nowMs }).map(({ path }) => path)

test('what was not used for the longest time goes, and no more than needed', () => {
  assert.deepEqual(plan(300), [])
  assert.deepEqual(plan(299), ['/c/npm/a@1/k'])
  assert.deepEqual(plan(150), ['/c/npm/a@1/k', '/c/npm/b@1/k'])
  assert.deepEqual(plan(0), ['/c/npm/a@1/k', '/c/npm/b@1/k', '/c/node/22'])
})

test('what runs stays, interpreters included', () => {
  const inUse = ['/c/npm/a@1/k/node_modules/a', '/c/node/22/bin/node']
  assert.deepEqual(plan(0, inUse), ['/c/npm/b@1/k'])
})

test('what was asked for a moment ago stays: it may be about to run', () => {
  assert.deepEqual(plan(0, [], [item('/c/npm/a@1/k', 100, idleMsMin - 1)]), [])
})
