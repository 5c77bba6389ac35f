import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { FanOut } from './fan-out.ts'
import { configMap, openFixture } from './fixture.ts'

function fanOutTo(watchers: number, clock: Clock = fakeClock()) {
  const fanOut = new FanOut(clock)
  const rung = Array.from({ length: watchers }, () => 0)
  const removes = rung.map((_, at) => fanOut.add(() => (rung[at] = (rung[at] ?? 0) + 1)))
  const counts = () => [...new Set(rung)].toSorted((a, b) => a - b)
  return { counts, fanOut, removes, rung }
}

test('a few watchers are woken at once', () => {
  const { counts, fanOut } = fanOutTo(20)
  fanOut.wake()
  assert.deepEqual(counts(), [1])
})

test('many are woken in turns, and what changes meanwhile wakes all of them once more', async () => {
  const { counts, fanOut } = fanOutTo(1_000)
  fanOut.wake()
  assert.deepEqual(counts(), [0, 1])
  await turn()
  for (let change = 0; change < 50; change++) fanOut.wake()
  while (counts()[0] !== 2) await turn()
  for (let more = 0; more < 100; more++) await turn()
  assert.deepEqual(counts(), [2])
})

test('the thread rests as long as waking took', async () => {
  const clock = fakeClock()
  const busy: Clock = { ...clock, monotonicMs: () => (now += 3) }
  let now = 0
  const { counts, fanOut } = fanOutTo(100, busy)
  fanOut.wake()
  for (let more = 0; more < 10; more++) await turn()
  assert.deepEqual(counts(), [0, 1])
  assert.equal(clock.pending, 1)
  await clock.advance(3)
  assert.deepEqual(counts(), [1])
})

test('whoever has left is not woken', async () => {
  const { fanOut, removes, rung } = fanOutTo(3)
  removes[1]?.()
  fanOut.wake()
  await turn()
  fanOut.wake()
  assert.deepEqual(rung, [2, 0, 2])
})

test('watchers that select the same and keep up share one piece of memory', async () => {
  await using fixture = await openFixture()
  const path = '/api/v1/namespaces/default/configmaps'
  const watch = async (query: string) => {
    const { body } = await fixture.server.handle({
      method: 'GET',
      path: `${path}?watch=1${query}`,
      headers: {},
      user: { name: 'someone', groups: ['system:masters'] },
    })
    return body[Symbol.asyncIterator]()
  }
  const watches = [await watch(''), await watch(''), await watch('&labelSelector=a%3Db')]
  for (const name of ['one', 'two'])
    await fixture.request('POST', path, configMap(name, {}, { labels: { a: 'b' } }))
  const chunks = watches.map((each) => each.next())
  const [first, second, selected] = (await Promise.all(chunks)).map(({ value }) => value as Uint8Array)
  assert.ok(first)
  assert.equal(second, first)
  assert.notEqual(selected, first)
  assert.deepEqual(selected, first)
  for (const each of watches) await each.return?.()
})
