import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { nodeHealth } from './node-health.ts'

const open = () => {
  const clock = fakeClock()
  return { clock, health: nodeHealth(clock, { silentAfterMs: 9_000, confirmMs: 1_000 }) }
}

test('a node is silent after its time and a confirmation, and heard again at its next sign', async () => {
  const { clock, health } = open()
  health.hear('a', '1')
  assert.deepEqual(health.stateOf('a'), { is: 'heard', askAgainMs: 9_000 })
  await clock.advance(9_000)
  health.hear('a', '1')
  assert.deepEqual(health.stateOf('a'), { is: 'suspect', askAgainMs: 1_000 })
  await clock.advance(1_000)
  assert.deepEqual(health.stateOf('a'), { is: 'silent', silentMs: 10_000 })
  health.hear('a', '2')
  assert.equal(health.stateOf('a').is, 'heard')
})

test('what the sign says does not matter, only that it changes: a clock that is years off is as good', async () => {
  const { clock, health } = open()
  for (const year of [2031, 1999, 2031, 1970]) {
    health.hear('a', `${year}`)
    await clock.advance(5_000)
    assert.equal(health.stateOf('a').is, 'heard')
  }
})

test('when we slept ourselves, nodes get the confirmation time to be heard', async () => {
  const { clock, health } = open()
  health.hear('a', '1')
  await clock.advance(3_600_000)
  assert.equal(health.stateOf('a').is, 'suspect')
  health.hear('a', '2')
  assert.equal(health.stateOf('a').is, 'heard')
})

test('all silent is an outage; the first that is back gives the others their full time', async () => {
  const { clock, health } = open()
  for (const name of ['a', 'b']) health.hear(name, '1')
  assert.equal(health.isOutage(), false)
  await clock.advance(20_000)
  assert.equal(health.isOutage(), true)
  health.hear('a', '2')
  assert.equal(health.isOutage(), false)
  assert.deepEqual(health.stateOf('b'), { is: 'heard', askAgainMs: 9_000 })
  await clock.advance(9_000)
  assert.equal(health.stateOf('b').is, 'suspect')
})

test('one silent among others is no outage, and others’ signs don’t excuse it', async () => {
  const { clock, health } = open()
  for (const name of ['a', 'b']) health.hear(name, '1')
  for (let i = 0; i < 5; i++) {
    await clock.advance(2_000)
    health.hear('b', `${i + 2}`)
    health.stateOf('a')
  }
  assert.equal(health.isOutage(), false)
  await clock.advance(1_000)
  assert.equal(health.stateOf('a').is, 'silent')
})

test('a node that is forgotten no longer counts', async () => {
  const { clock, health } = open()
  health.hear('gone', '1')
  await clock.advance(10_000)
  health.hear('a', '1')
  health.forget('gone')
  await clock.advance(10_000)
  assert.equal(health.isOutage(), true)
})
