import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { fakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, described, keysOf, text, watchUntil } from '../conformance/suite.ts'
import type { Revision, Store } from '../store.ts'
import { openSqliteStore, type SqliteOptions } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-reopen-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const newFile = () => join(folder, `${++count}.db`)
const open = (file: string, options: Partial<SqliteOptions> = {}) =>
  openSqliteStore(file, { clock: realClock, logger: silentLogger, ...options })

test('a store opened again has its entries, its history and its revision', async ({ signal }) => {
  const file = newFile()
  let past: string[]
  {
    await using store = await open(file)
    await store.create('/a', bytes('one'))
    await store.update('/a', bytes('two'), 1)
    await store.create('/b', bytes('three'))
    await store.delete('/b')
    past = (await watchUntil(store, { from: 0, until: 4, signal })).events.map(described)
  }
  await using store = await open(file)
  assert.equal(await store.current(), 4)
  assert.deepEqual(await keysOf(store, ''), ['/a'])
  assert.equal(text((await store.get('/a', { at: 1 })).entry?.value), 'one')
  const { events } = await watchUntil(store, { from: 0, until: 4, signal })
  assert.deepEqual(events.map(described), past)
  assert.equal(await store.create('/c', bytes('x')), 5)
})

test('what was compacted stays compacted, and revisions go on though no row is left', async () => {
  const file = newFile()
  {
    await using store = await open(file)
    await store.create('/a', bytes('one'))
    await store.delete('/a')
    await store.compact(2)
  }
  await using store = await open(file)
  assert.deepEqual([await store.current(), await store.compacted()], [2, 2])
  assert.equal(await store.create('/a', bytes('x')), 3)
})

test('a key that expired while the store was closed is deleted when it opens', async ({ signal }) => {
  const file = newFile()
  {
    await using store = await open(file)
    await store.create('/short', bytes('x'), { ttlMs: 1 })
    await store.create('/long', bytes('x'), { ttlMs: 60_000 })
  }
  await using store = await open(file)
  await watchUntil(store, { from: 2, until: 3, signal })
  assert.deepEqual(await keysOf(store, ''), ['/long'])
})

test('keys expire by the given clock', async ({ signal }) => {
  const clock = fakeClock()
  await using store = await open(newFile(), { clock })
  await store.create('/a', bytes('x'), { ttlMs: 60_000 })
  await clock.advance(59_999)
  assert.deepEqual(await keysOf(store, ''), ['/a'])
  await clock.advance(1)
  await watchUntil(store, { from: 1, until: 2, signal })
  assert.deepEqual(await keysOf(store, ''), [])
})

test('history older than historyMs is forgotten by itself', async () => {
  const clock = fakeClock()
  await using store = await open(newFile(), { clock, historyMs: 60_000 })
  const revision = await overwrite(store, 10)
  await clock.advance(50_000)
  assert.equal(await store.compacted(), 0)
  await clock.advance(30_000)
  assert.equal(await store.compacted(), revision)
})

test('compaction leaves no row that nothing can show', async () => {
  const file = newFile()
  {
    await using store = await open(file)
    for (const key of ['/a', '/b', '/c']) await store.create(key, bytes('one'))
    await store.update('/a', bytes('two'), 1)
    await store.update('/a', bytes('three'), 4)
    await store.delete('/b')
    await store.create('/b', bytes('again'))
    await store.delete('/c')
    await store.compact(await store.current())
  }
  using db = new DatabaseSync(file)
  const keys = (table: string) =>
    db
      .prepare(`SELECT key FROM ${table} ORDER BY key`)
      .all()
      .map(({ key }) => key)
  assert.deepEqual([keys('live'), keys('log'), keys('past')], [['/a', '/b'], ['/a', '/b'], []])
})

test('the file stays bounded while a few keys are written over and over', async () => {
  const file = newFile()
  await using store = await open(file, { historyRevisionsMax: 1_000 })
  const value = new Uint8Array(8 * 1024)
  const sizes: number[] = []
  const write = async (key: string) => {
    let revision = await store.create(key, value)
    for (let i = 0; i < 400; i++) revision = await store.update(key, value, revision)
    sizes.push(statSync(file).size + statSync(`${file}-wal`).size)
  }
  await Promise.all(Array.from({ length: 16 }, (_, i) => write(`/hot/${i}`)))
  const current = await store.current()
  const compacted = await store.compacted()
  assert(compacted > current - 1_500, `history from ${compacted} to ${current} is kept`)
  // 1,250 kept versions of three pages each, the log of about 8 MiB, and slack; 51 MiB of values were written.
  assert(Math.max(...sizes) < 36 * 1024 * 1024, `the file grew to ${Math.max(...sizes)} bytes`)
  assert.equal((await keysOf(store, '/hot/')).length, 16)
})

test('room is given back to the disk after much was deleted', async () => {
  const file = newFile()
  await using store = await open(file)
  const value = new Uint8Array(64 * 1024)
  const keys = Array.from({ length: 400 }, (_, i) => `/${i}`)
  await Promise.all(keys.map((key) => store.create(key, value)))
  await Promise.all(keys.map((key) => store.delete(key)))
  await store.compact(await store.current())
  await store[Symbol.asyncDispose]()
  const { size } = statSync(file)
  assert(size < 8 * 1024 * 1024, `26 MiB were deleted, and the file still has ${size} bytes`)
})

async function overwrite(store: Store, times: number): Promise<Revision> {
  let revision = await store.create('/a', bytes('0'))
  for (let i = 1; i <= times; i++) revision = await store.update('/a', bytes(String(i)), revision)
  return revision
}
