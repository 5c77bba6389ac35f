import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { realClock } from '../base/clock.ts'
import { seededRandom, type Random } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreError, type Store } from '../store/store.ts'
import { configMap, openFixture, type Fixture } from './fixture.ts'

const path = '/api/v1/namespaces/default/configmaps'
const merge = { 'content-type': 'application/merge-patch+json' }

/** A store whose watches break off now and then, as they do when a backend hiccups or a reader lags. */
function unsteady(store: Store, random: Random): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property !== 'watch') {
        const value: unknown = Reflect.get(target, property)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async function* (...args: Parameters<Store['watch']>) {
        for await (const batch of target.watch(...args)) {
          yield batch
          if (random.float() < 0.05) throw new StoreError('lagging', 'the test says so')
        }
      }
    },
  })
}

async function write({ request }: Fixture, random: Random, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const name = `n${Math.floor(random.float() * 6)}`
    const labels = { app: random.float() < 0.5 ? 'web' : 'db' }
    const choice = random.float()
    if (choice < 0.4) await request('POST', path, configMap(name, {}, { labels }))
    else if (choice < 0.75)
      await request('PATCH', `${path}/${name}`, { metadata: { labels }, data: { i: random.token(3) } }, merge)
    else await request('DELETE', `${path}/${name}`)
  }
}

/** Lists, then follows from there; applies every event to the list it has. */
async function follow(fixture: Fixture, query: string, signal: AbortSignal): Promise<Map<string, string>> {
  const objects = new Map<string, string>()
  const list = await fixture.request('GET', `${path}?${query}`)
  for (const { metadata } of list.body.items) objects.set(metadata.name, metadata.resourceVersion)
  let revision = Number(list.body.metadata.resourceVersion)
  const watch = await fixture.watch(`${path}?watch=1&resourceVersion=${revision}&${query}`, signal)
  for await (const { type, object } of watch) {
    const { name, resourceVersion } = object.metadata
    assert.ok(Number(resourceVersion) > revision, `${resourceVersion} comes after ${revision}`)
    revision = Number(resourceVersion)
    assert.equal(objects.has(name), type !== 'ADDED', `${type} of ${name}`)
    if (type === 'DELETED') objects.delete(name)
    else objects.set(name, resourceVersion)
    if (name === 'last') break
  }
  return objects
}

test('a list and the changes after it are the list that comes later, whatever happens in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed)
      await using inner = await openMemoryStore({ clock: realClock, logger: silentLogger })
      await using fixture = await openFixture({ store: unsteady(inner, random) })
      const controller = new AbortController()
      const queries = ['', 'labelSelector=app%3Dweb', 'fieldSelector=metadata.name!%3Dn1']
      const followers = queries.map((query) => follow(fixture, query, controller.signal))
      await Promise.all(Array.from({ length: 4 }, () => write(fixture, random, 25)))
      await fixture.request('POST', path, configMap('last', {}, { labels: { app: 'web' } }))
      const seen = await Promise.all(followers)
      controller.abort()
      for (const [i, query] of queries.entries()) {
        const { body } = await fixture.request('GET', `${path}?${query}`)
        const expected = new Map<string, string>()
        for (const { metadata } of body.items) expected.set(metadata.name, metadata.resourceVersion)
        assert.deepEqual(seen[i], expected)
      }
    }),
    { numRuns: 15 },
  )
})

test('after a gap that history cannot fill watchers are told to list again, and lists are right', async () => {
  await using store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  let isBroken = false
  const gappy = new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (property !== 'watch') return typeof value === 'function' ? value.bind(target) : value
      return async function* (...args: Parameters<Store['watch']>) {
        for await (const batch of target.watch(...args)) {
          if (isBroken) {
            isBroken = false
            throw new StoreError('compacted', 'the test says so', { revision: await target.current() })
          }
          yield batch
        }
      }
    },
  })
  await using fixture = await openFixture({ store: gappy })
  await fixture.request('POST', path, configMap('a'))
  const watch = await fixture.watch(`${path}?watch=1`, new AbortController().signal)
  assert.equal((await watch.next()).value.object.metadata.name, 'a')
  isBroken = true
  await fixture.request('POST', path, configMap('lost'))
  const { value } = await watch.next()
  assert.deepEqual([value.type, value.object.code], ['ERROR', 410])
  assert.equal((await watch.next()).done, true)
  const { body } = await fixture.request('GET', path)
  assert.deepEqual(
    body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ['a', 'lost'],
  )
})

test('a list is consistent: it has every write that was answered before it was asked for', async () => {
  await using fixture = await openFixture()
  for (let i = 0; i < 50; i++) {
    const { body } = await fixture.request('POST', path, configMap(`c${i}`))
    const list = await fixture.request('GET', path)
    assert.ok(Number(list.body.metadata.resourceVersion) >= Number(body.metadata.resourceVersion))
    assert.equal(list.body.items.length, i + 1)
  }
})
