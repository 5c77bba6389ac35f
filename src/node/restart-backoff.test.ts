import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goSeconds, raiseBackoff, restartWaitMs, type RestartBackoff } from './restart-backoff.ts'

test('a container that always ends at once is restarted after 0, 10, 20, 40, 80, 160, 300, 300 seconds', () => {
  let backoff: RestartBackoff | undefined
  let nowMs = 1_000_000
  const waits: number[] = []
  for (let n = 0; n < 8; n++) {
    const waitMs = restartWaitMs(backoff, { finishedAtMs: nowMs, nowMs })
    waits.push(waitMs / 1000)
    nowMs += waitMs
    backoff = raiseBackoff(backoff, nowMs)
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300])
})

test('ten minutes of running forget the back-off', () => {
  const backoff = { delayMs: 160_000, raisedAtMs: 0 }
  assert.equal(restartWaitMs(backoff, { finishedAtMs: 600_000, nowMs: 600_000 }), 160_000)
  assert.equal(restartWaitMs(backoff, { finishedAtMs: 600_001, nowMs: 600_001 }), 0)
  assert.deepEqual(raiseBackoff(backoff, 600_001), { delayMs: 10_000, raisedAtMs: 600_001 })
})

test('time that passed since the end counts, and a clock set back adds nothing', () => {
  const backoff = { delayMs: 20_000, raisedAtMs: 0 }
  assert.equal(restartWaitMs(backoff, { finishedAtMs: 5_000, nowMs: 15_000 }), 10_000)
  assert.equal(restartWaitMs(backoff, { finishedAtMs: 5_000, nowMs: 60_000 }), 0)
  assert.equal(restartWaitMs(backoff, { finishedAtMs: 5_000, nowMs: -3_600_000 }), 20_000)
})

for (const [ms, want] of [
  [10_000, '10s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
] as const)
  test(`${want}`, () => assert.equal(goSeconds(ms), want))
