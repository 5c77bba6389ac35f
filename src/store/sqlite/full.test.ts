import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { keysOf, thrown } from '../conformance/suite.ts'
import { isStoreError, type Store } from '../store.ts'
import { openSqliteStore } from './sqlite-store.ts'

const context = { clock: realClock, logger: silentLogger }
const value = new Uint8Array(64 * 1024).fill(7)
const writesMax = 2_000 // 128 MiB: far more than the room given

test('on a full disk nothing is written, reads go on, and writes succeed once there is room', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-full-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder])
  try {
    if (mounted.status !== 0) return t.skip('a small file system can only be mounted as root')
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, new Uint8Array(6 * 1024 * 1024))
    const file = join(folder, 'store.db')
    {
      await using store = await openSqliteStore(file, context)
      const written = await fillUp(store)
      await assertRefusing(store, written)
      rmSync(ballast)
      await assertWriting(store, written)
    }
    await using store = await openSqliteStore(file, context)
    assert.equal((await store.get('/after')).entry?.revision, await store.current())
  } finally {
    if (mounted.status === 0) spawnSync('umount', [folder])
    rmSync(folder, { recursive: true })
  }
})

test('beyond fileBytesMax nothing is written, reads go on, and deleting makes room', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-full-'))
  try {
    const options = { ...context, fileBytesMax: 8 * 1024 * 1024 }
    await using store = await openSqliteStore(join(folder, 'store.db'), options)
    const written = await fillUp(store)
    await assertRefusing(store, written)
    const half = Math.floor(written / 2)
    for (let i = 0; i < half; i++) await store.delete(`/${i}`)
    await store.compact(await store.current())
    await store.create('/after', value)
    assert.equal((await keysOf(store, '/')).length, written - half + 1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Writes until the store says `full`; how many writes were acknowledged. */
async function fillUp(store: Store): Promise<number> {
  for (let i = 0; i < writesMax; i++) {
    try {
      await store.create(`/${i}`, value)
    } catch (error) {
      if (isStoreError(error, 'full')) return i
      throw error
    }
  }
  return assert.fail('the disk never got full')
}

async function assertRefusing(store: Store, written: number): Promise<void> {
  const error = await thrown('full', () => store.create('/more', value))
  assert.match(error.message, /is full: nothing was written, reads go on. Free some room/)
  const refused = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => store.create(`/more/${i}`, value)),
  )
  assert(refused.some(({ status }) => status === 'rejected'))
  const added = refused.filter(({ status }) => status === 'fulfilled').length
  assert.equal((await keysOf(store, '/')).length, written + added)
  assert.equal(await store.current(), written + added)
  assert.equal((await store.get('/0')).entry?.value.byteLength, value.byteLength)
}

async function assertWriting(store: Store, written: number): Promise<void> {
  const revision = await store.create('/after', value)
  assert.equal(await store.current(), revision)
  assert((await keysOf(store, '/')).length > written)
}
