import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { resources } from '../api/table.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { CachedObject } from './cached-object.ts'
import { ringEventsMax } from './event-ring.ts'
import { followObjects } from './followed-objects.ts'
import { resourcePrefix } from './keys.ts'
import { sliceBytes } from './slices.ts'
import { StoreFeed } from './store-feed.ts'
import { WatchCache } from './watch-cache.ts'

const configMaps = resources.find(({ plural }) => plural === 'configmaps')

async function openFollowed(t: TestContext) {
  assert(configMaps)
  const prefix = resourcePrefix(configMaps)
  const store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const feed = await StoreFeed.open({ store, clock: realClock, random: realRandom, logger: silentLogger })
  t.after(async () => {
    await feed[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
  })
  const cache = new WatchCache(configMaps, feed)
  const objects = new Map<string, CachedObject>()
  let puts = 0
  const followed = followObjects(cache, {
    put(object) {
      puts++
      objects.set(object.name, object)
    },
    remove: ({ name }) => void objects.delete(name),
  })
  const keyOf = (name: string) => `${prefix}default/${name}`
  const valueOf = (name: string, size = 0) => {
    const metadata = { name, namespace: 'default' }
    return Buffer.from(
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'x'.repeat(size) } }),
    )
  }
  return {
    cache,
    followed,
    store,
    puts: () => puts,
    names: () => [...objects.keys()].toSorted(),
    create: (name: string, size?: number) => store.create(keyOf(name), valueOf(name, size)),
    update: async (name: string) => {
      const { entry } = await store.get(keyOf(name))
      return store.update(keyOf(name), valueOf(name, 1), entry?.revision ?? 0)
    },
    remove: async (name: string) => (await store.delete(keyOf(name))).revision,
    /** The cache has everything up to here. */
    reached: async (revision: number) => assert(await cache.reaches(revision, 60_000)),
  }
}

test('everything is taken in by slices, then each change at once, and nothing twice', async (t) => {
  const { cache, create, followed, names, puts, reached, remove, update } = await openFollowed(t)
  for (let i = 10; i < 30; i++) await create(`c${i}`, sliceBytes / 2)
  await cache.ready()
  assert.equal(followed.isCurrent(), false)
  let isCaughtUp = false
  const catching = followed.catchUp().then(() => (isCaughtUp = true))
  const seen = new Set<number>()
  while (!isCaughtUp) {
    seen.add(puts())
    await nextTurn()
  }
  await catching
  assert(seen.size >= 8, `taken in by ${[...seen].join(', ')}`)
  assert.equal(followed.isCurrent(), true)
  assert.equal(puts(), 20)
  await create('new')
  await update('c10')
  await reached(await remove('c11'))
  assert.equal(followed.isCurrent(), true)
  assert.deepEqual([names().length, names().includes('c11'), names().includes('new')], [20, false, true])
  assert.equal(puts(), 22)
})

test('after more changes than are kept, and after a gap, it is right again', async (t) => {
  const { cache, create, followed, names, puts, reached, remove } = await openFollowed(t)
  for (const name of ['a', 'b', 'c']) await create(name)
  await followed.catchUp()
  assert.deepEqual(names(), ['a', 'b', 'c'])
  await remove('b')
  let revision = 0
  for (let i = 0; i < ringEventsMax / 2 + 10; i++) {
    await create('passing')
    revision = await remove('passing')
  }
  await reached(revision)
  assert.equal(followed.isCurrent(), false)
  const before = puts()
  await followed.catchUp()
  assert.deepEqual(names(), ['a', 'c'])
  assert.equal(puts(), before, 'what it knows is not put again')
  cache.gap()
  assert.equal(followed.isCurrent(), false)
  await reached(await create('d'))
  await followed.catchUp()
  assert.equal(followed.isCurrent(), true)
  assert.deepEqual(names(), ['a', 'c', 'd'])
})

test('what changes while everything is taken in is not missed', async (t) => {
  const { cache, create, followed, names, reached, remove, update } = await openFollowed(t)
  const first = Array.from({ length: 20 }, (_, i) => `c${10 + i}`)
  for (const name of first) await create(name, sliceBytes / 2)
  await cache.ready()
  const catching = followed.catchUp()
  await nextTurn()
  await create('a-new')
  await update('c29')
  await remove('c28')
  await reached(await remove('c10'))
  await catching
  assert.equal(followed.isCurrent(), true)
  assert.deepEqual(names(), ['a-new', ...first.slice(1, -2), 'c29'])
})
