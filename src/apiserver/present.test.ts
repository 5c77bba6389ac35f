/** Writes while the watch cache is behind: they begin from what it has, and nobody can tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { configMap, openFixture, type Fixture } from './fixture.ts'

const path = '/api/v1/namespaces/default/configmaps'
const merge = { 'content-type': 'application/merge-patch+json' }

interface Behind extends AsyncDisposable {
  readonly fixture: Fixture
  /** From now on the cache hears of nothing. */
  readonly hold: () => void
  /** Reads of single keys so far. */
  readonly reads: () => number
}

/** A server whose cache knows the config maps `a` and `b`, and can be held where it is. */
async function openBehind(): Promise<Behind> {
  const store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const released = deferred()
  let isHeld = false
  let reads = 0
  const slow: Store = new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (property === 'get') reads++
      if (property !== 'watch') return typeof value === 'function' ? value.bind(target) : value
      return async function* (...args: Parameters<Store['watch']>) {
        for await (const batch of target.watch(...args)) {
          if (isHeld) await released.promise
          yield batch
        }
      }
    },
  })
  const fixture = await openFixture({ store: slow })
  for (const name of ['a', 'b']) await fixture.request('POST', path, configMap(name, { n: '1' }))
  await fixture.request('GET', path)
  return {
    fixture,
    hold: () => (isHeld = true),
    reads: () => reads,
    async [Symbol.asyncDispose]() {
      released.resolve()
      await fixture[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

test('a write of an object that the cache knows reads nothing', async () => {
  await using behind = await openBehind()
  const before = behind.reads()
  const { status } = await behind.fixture.request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)
  assert.deepEqual([status, behind.reads() - before], [200, 0])
})

test('a read of one object asks the store only while the cache is behind', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  const before = behind.reads()
  assert.equal((await request('GET', `${path}/a`)).body.data.n, '1')
  assert.equal(behind.reads(), before)
  behind.hold()
  await request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)
  const { body } = await request('GET', `${path}/a`)
  assert.deepEqual([body.data.n, behind.reads() - before], ['2', 1])
})

test('a change of a state that is out of date is made of the present one', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  behind.hold()
  await request('PATCH', `${path}/a`, { data: { one: 'x' } }, merge)
  const { body } = await request('PATCH', `${path}/a`, { data: { two: 'y' } }, merge)
  assert.deepEqual(body.data, { n: '1', one: 'x', two: 'y' })
})

test('back to the state that the cache still has is a change', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  behind.hold()
  const changed = await request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)
  const back = await request('PATCH', `${path}/a`, { data: { n: '1' } }, merge)
  assert.equal(back.body.data.n, '1')
  assert.notEqual(back.body.metadata.resourceVersion, changed.body.metadata.resourceVersion)
  assert.equal((await request('GET', `${path}/a`)).body.data.n, '1')
})

test('the revision that a client read is compared with the present one', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  const { body: old } = await request('GET', `${path}/a`)
  behind.hold()
  const { body: present } = await request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)
  assert.equal((await request('PUT', `${path}/a`, { ...old, data: { n: '3' } })).status, 409)
  assert.equal((await request('PUT', `${path}/a`, { ...present, data: { n: '3' } })).status, 200)
  const { resourceVersion } = old.metadata
  const refused = await request('DELETE', `${path}/a`, { preconditions: { resourceVersion } })
  assert.equal(refused.status, 409)
  assert.match(refused.body.message, /Precondition failed: ResourceVersion/)
})

test('a condition that only the present state meets is met', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  behind.hold()
  const { body } = await request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)
  const { resourceVersion } = body.metadata
  assert.equal((await request('DELETE', `${path}/a`, { preconditions: { resourceVersion } })).status, 200)
  assert.equal((await request('GET', `${path}/a`)).status, 404)
})

test('what is gone is not found, whatever the cache says; what is new is found', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  behind.hold()
  await request('DELETE', `${path}/a`)
  assert.equal((await request('PATCH', `${path}/a`, { data: { n: '2' } }, merge)).status, 404)
  assert.equal((await request('DELETE', `${path}/a`)).status, 404)
  await request('POST', path, configMap('c'))
  assert.equal((await request('PATCH', `${path}/c`, { data: { n: '2' } }, merge)).status, 200)
})

test('a dry run speaks of the present state', async () => {
  await using behind = await openBehind()
  const { request } = behind.fixture
  behind.hold()
  await request('PATCH', `${path}/b`, { data: { one: 'x' } }, merge)
  const { body } = await request('PATCH', `${path}/b?dryRun=All`, { data: { two: 'y' } }, merge)
  assert.deepEqual(body.data, { n: '1', one: 'x', two: 'y' })
})
