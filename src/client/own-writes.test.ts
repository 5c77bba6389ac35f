import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../base/deferred.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { secrets } from '../api/resources/secrets.ts'
import { openInformers } from './informers.ts'
import { ownWrites, StaleCacheError } from './own-writes.ts'
import { bookmark, event, object, scriptedClient, type Script } from './fixture.ts'

const never = new AbortController().signal

async function open(later: Script) {
  const clock = fakeClock()
  const more = deferred()
  const script = [event('ADDED', 'a', 5), bookmark(5, true), more.promise, ...later]
  const client = scriptedClient([script], {
    create: async () => object('b', 10),
    update: async () => object('a', 11),
    delete: async () => {},
  })
  const informers = openInformers({ client, clock, random: seededRandom(1), logger: silentLogger })
  await informers.for(configMaps).synced
  const writes = ownWrites(client, informers, clock)
  return { clock, informers, writes, api: writes.client.resource(configMaps), go: () => more.resolve() }
}

/** Whether the promise is still pending after a turn of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise((resolve) => setImmediate(resolve, 'pending'))
  return (
    (await Promise.race([
      promise.then(
        () => 'done',
        () => 'failed',
      ),
      turn,
    ])) === 'pending'
  )
}

test('nothing written: nothing to wait for', async () => {
  const { informers, writes } = await open([])
  await writes.caughtUp(never)
  await informers[Symbol.asyncDispose]()
})

test('waits until the cache holds the newest write, for every worker that asks', async () => {
  const { api, go, informers, writes } = await open([event('ADDED', 'b', 10), event('MODIFIED', 'a', 11)])
  await api.create(object('b', 0))
  await api.update(object('a', 0))
  const waits = [writes.caughtUp(never), writes.caughtUp(never)]
  assert.deepEqual(await Promise.all(waits.map(isPending)), [true, true])
  go()
  await Promise.all(waits)
  assert.equal(informers.for(configMaps).size, 2)
  await writes.caughtUp(never)
  await informers[Symbol.asyncDispose]()
})

for (const [name, seen] of [
  ['gone', event('DELETED', 'a', 12)],
  ['marked as terminating', event('MODIFIED', 'a', 12, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
  ['replaced by a namesake', event('MODIFIED', 'a', 12, { uid: 'another' })],
] as const) {
  test(`waits until what was deleted is ${name}`, async () => {
    const { api, go, informers, writes } = await open([event('MODIFIED', 'a', 11), seen])
    await api.delete('a', { namespace: 'default' })
    const wait = writes.caughtUp(never)
    assert.equal(await isPending(wait), true)
    go()
    await wait
    await informers[Symbol.asyncDispose]()
  })
}

test('a deletion of what the cache does not know needs no waiting', async () => {
  const { api, informers, writes } = await open([])
  await api.delete('unknown', { namespace: 'default' })
  await writes.caughtUp(never)
  await informers[Symbol.asyncDispose]()
})

test('writes of resources that nobody caches need no waiting', async () => {
  const { informers, writes } = await open([])
  await writes.client.resource(secrets).create(object('s', 0))
  await writes.caughtUp(never)
  await informers[Symbol.asyncDispose]()
})

test('a cache that stays behind is refused, again and again, until the write is too old to be expected', async () => {
  const { api, clock, informers, writes } = await open([])
  await api.create(object('b', 0))
  for (let i = 0; i < 3; i++) {
    const refused = assert.rejects(writes.caughtUp(never), StaleCacheError)
    await clock.advance(5_000)
    await refused
  }
  await clock.advance(5 * 60_000)
  await writes.caughtUp(never)
  await informers[Symbol.asyncDispose]()
})

test('ending ends the waiting', async () => {
  const { api, informers, writes } = await open([])
  await api.create(object('b', 0))
  const stop = new AbortController()
  const wait = assert.rejects(writes.caughtUp(stop.signal))
  stop.abort(new Error('the end'))
  await wait
  await informers[Symbol.asyncDispose]()
})
