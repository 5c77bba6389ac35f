import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import { fakeClock } from './fake-clock.ts'
import { releaseStartMemory } from './start-memory.ts'

const allocated = 20e6

test('what a start has left behind goes back to the system once it is over', async () => {
  const clock = fakeClock()
  const physical = () => getHeapStatistics().total_physical_size
  let kept: string[] | undefined = Array.from({ length: allocated / 100 }, (_, i) => `${i}`.padStart(80, ' '))
  assert.ok(kept.length > 0)
  const before = physical()
  releaseStartMemory(clock)
  kept = undefined
  await clock.advance(60_000)
  assert.ok(physical() < before - allocated / 2, `${before} bytes before, ${physical()} after`)
})
