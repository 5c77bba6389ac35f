import assert from 'node:assert/strict'
import { it } from 'node:test'

import { fakeClock } from '../../base/fake-clock.ts'
import { createDeadline } from './deadline.ts'

it('what takes longer than it may is told of, and nothing else is', async () => {
  const clock = fakeClock()
  let late = 0
  const deadline = createDeadline({ clock, ms: 100, onLate: () => late++ })
  for (let i = 0; i < 10; i++) {
    deadline.start()
    await clock.advance(60)
    deadline.stop()
  }
  await clock.advance(1_000)
  deadline.start()
  await clock.advance(60)
  deadline.stop()
  deadline.start() // while the timer of the one before runs
  await clock.advance(99)
  assert.equal(late, 0)
  await clock.advance(1)
  assert.equal(late, 1)
})
