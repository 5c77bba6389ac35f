import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { ClusterKeysError, clusterKeysKey, openClusterKeys } from './cluster-keys.ts'

const token = 'a token of the first server'
const folder = await mkdtemp(join(tmpdir(), 'sampan-cluster-keys-'))
after(() => rm(folder, { recursive: true }))

/** A store that several servers could have opened. */
async function sharedStore(): Promise<Store> {
  const store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  return Object.defineProperty(store, 'capabilities', { value: { durable: true, shared: true } })
}
const open = (store: Store, name: string, serverToken = token) =>
  openClusterKeys({
    directory: join(folder, name),
    store,
    serverToken: () => serverToken,
    clock: realClock,
    random: realRandom,
  })

test('servers that start at once on one store have the same keys, and nobody reads them in the store', async () => {
  await using store = await sharedStore()
  const keys = await Promise.all(['a', 'b', 'c'].map((name) => open(store, name)))
  for (const other of keys) assert.deepEqual(other, keys[0])
  const { entry } = await store.get(clusterKeysKey)
  const stored = Buffer.from(entry?.value ?? []).toString('latin1')
  assert.ok(stored.length > 1_000)
  for (const secret of [keys[0]?.ca.key, keys[0]?.signingKey]) {
    const [, line = ''] = (secret ?? '').split('\n')
    assert.ok(line.length > 20 && !stored.includes(line))
    assert.ok(!stored.includes(Buffer.from(line).toString('base64').slice(2, 30)))
  }
})

test('each server keeps a copy that its owner alone can read', async () => {
  await using store = await sharedStore()
  const first = await open(store, 'd')
  await open(store, 'e')
  for (const file of await readdir(join(folder, 'e')))
    assert.equal((await stat(join(folder, 'e', file))).mode & 0o077, 0, file)
  await using own = await openMemoryStore({ clock: realClock, logger: silentLogger })
  assert.deepEqual(await open(own, 'e'), first)
})

test('a server that had keys before it shared a store brings them along', async () => {
  await using own = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const before = await open(own, 'f')
  await using store = await sharedStore()
  assert.deepEqual(await open(store, 'f'), before)
  assert.deepEqual(await open(store, 'g'), before)
})

test('another token, and the files of another cluster, are refused with the way out', async () => {
  await using store = await sharedStore()
  await open(store, 'h')
  await assert.rejects(open(store, 'i', 'some other token'), (error: Error) => {
    assert.ok(error instanceof ClusterKeysError)
    assert.match(error.message, /does not open the keys.*--server-token-file/)
    assert.ok(!error.message.includes('some other token'))
    return true
  })
  await using elsewhere = await sharedStore()
  await open(elsewhere, 'j')
  await assert.rejects(open(store, 'j'), /keys of another cluster.*empty --data-dir/)
})
