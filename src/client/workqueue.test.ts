import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { workQueue } from './workqueue.ts'

const open = () => {
  const clock = fakeClock()
  return { clock, queue: workQueue({ clock, random: seededRandom(1) }) }
}

test('a key added many times before it is taken is worked once', async () => {
  const { queue } = open()
  for (let i = 0; i < 5; i++) queue.add('a')
  queue.add('b')
  assert.equal(await queue.take(), 'a')
  assert.equal(await queue.take(), 'b')
  assert.equal(queue.length, 0)
})

test('a key added while in work is worked once more, after done and never beside itself', async () => {
  const { queue } = open()
  queue.add('a')
  assert.equal(await queue.take(), 'a')
  queue.add('a')
  queue.add('a')
  assert.equal(queue.length, 0)
  queue.done('a')
  assert.equal(await queue.take(), 'a')
  queue.done('a')
  assert.equal(queue.length, 0)
})

test('takers are served in the order in which they came', async () => {
  const { queue } = open()
  const first = queue.take()
  const second = queue.take()
  queue.add('a')
  queue.add('b')
  assert.deepEqual([await first, await second], ['a', 'b'])
})

test('of two delays for a key the earlier wins', async () => {
  const { clock, queue } = open()
  queue.addAfter('a', 1_000)
  queue.addAfter('a', 100)
  queue.addAfter('a', 500)
  await clock.advance(99)
  assert.equal(queue.length, 0)
  await clock.advance(1)
  assert.equal(queue.length, 1)
  assert.equal(clock.pending, 0)
})

test('back-off grows with each failure of a key and ends with forget', async () => {
  const { clock, queue } = open()
  const delayOfNext = async () => {
    queue.addRateLimited('a')
    const startMs = clock.monotonicMs()
    const taken = queue.take()
    for (let ms = 0; queue.length === 0 && clock.pending > 0; ms++) await clock.advance(1)
    await taken
    queue.done('a')
    return clock.monotonicMs() - startMs
  }
  const delays = [await delayOfNext(), await delayOfNext(), await delayOfNext()]
  assert.ok(delays[0] !== undefined && delays[2] !== undefined && delays[2] > delays[0] * 2, String(delays))
  assert.equal(queue.retries('a'), 3)
  queue.forget('a')
  assert.ok((await delayOfNext()) <= 5)
})

test('shutting down wakes every taker, drops timers and ignores later adds', async () => {
  const { clock, queue } = open()
  const waiting = [queue.take(), queue.take()]
  queue.addAfter('a', 10)
  queue.shutDown()
  assert.deepEqual(await Promise.all(waiting), [undefined, undefined])
  assert.equal(clock.pending, 0)
  queue.add('b')
  assert.equal(await queue.take(), undefined)
})
