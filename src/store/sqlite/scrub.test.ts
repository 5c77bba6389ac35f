import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { fakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, thrown } from '../conformance/suite.ts'
import { isStoreError } from '../store.ts'
import { closeEngine, openEngine } from './engine.ts'
import { scrub } from './scrub.ts'
import { openSqliteStore } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-scrub-'))
after(() => rmSync(folder, { recursive: true }))
const hourMs = 3_600_000
const value = bytes('x'.repeat(3_000))

/** A store that has been running for a while: its pages are in the file and most are not in its cache. */
async function openFilled(name: string) {
  const file = join(folder, name)
  const fill = await openSqliteStore(file, { clock: fakeClock(), logger: silentLogger })
  for (let i = 0; i < 5_000; i += 500)
    await Promise.all(Array.from({ length: 500 }, (_, j) => fill.create(`/key/${i + j}`, value)))
  await fill[Symbol.asyncDispose]()
  const clock = fakeClock()
  const found: string[] = []
  const logger = { ...silentLogger, error: (message: string) => void found.push(message) }
  const store = await openSqliteStore(file, { clock, logger })
  /** Lets the scrub of an hour after the start run to its end, while writes go on. */
  const scrubAll = async () => {
    await clock.advance(hourMs)
    for (let i = 0; i < 30; i++) {
      await store.create(`/key/new-${i}`, value).catch(() => undefined) // refused once the damage is known
      await clock.advance(100)
    }
  }
  return { file, store, found, scrubAll }
}

/** Where a text stands in the file, other than in the pages that SQLite may hold in memory. */
function flipAt(file: string, needle: string): void {
  const content = readFileSync(file)
  const at = content.indexOf(needle)
  assert(at >= 0)
  const fd = openSync(file, 'r+')
  writeSync(fd, Buffer.from([(content[at + needle.length - 1] ?? 0) ^ 1]), 0, 1, at + needle.length - 1)
  closeSync(fd)
}

test('a sound store is found sound, also while it is written to', async () => {
  const { found, scrubAll, store } = await openFilled('sound.db')
  await using _ = store
  await scrubAll()
  assert.deepEqual(found, [])
  assert.equal((await store.list({ prefix: '/key/new-' })).entries.length, 30)
})

test('a value that goes bad on the disk is told within a day, and refused', async () => {
  const { file, found, scrubAll, store } = await openFilled('value.db')
  await using _ = store
  flipAt(file, '/key/123xxxx')
  await scrubAll()
  assert.deepEqual(found, ['damage was found in the store'])
  await thrown('corrupt', () => store.get('/key/123'))
  assert((await store.get('/key/124')).entry, 'the others go on')
})

for (const [what, sql] of [
  ['lost', "DELETE FROM live WHERE key = '/key/50'"],
  ['pointed elsewhere', "UPDATE live SET due_ms = 7 WHERE key = '/key/50'"],
  ['renamed', "UPDATE live SET key = '/key/5O' WHERE key = '/key/50'"],
] as const) {
  test(`a row of the list of keys that was ${what} behind our back is found`, async () => {
    const file = join(folder, `${what}.db`)
    {
      await using store = await openSqliteStore(file, { clock: fakeClock(), logger: silentLogger })
      for (let i = 0; i < 60; i++) await store.create(`/key/${i}`, bytes('x'))
    }
    const engine = openEngine({ file, fileBytesMax: undefined }, fakeClock())
    assert.deepEqual(scrub(engine, true), true)
    engine.db.exec(sql)
    assert.throws(
      () => scrub(engine, true),
      (error) => isStoreError(error, 'corrupt'),
    )
    closeEngine(engine)
    await thrown('corrupt', () => openSqliteStore(file, { clock: fakeClock(), logger: silentLogger }))
  })
}
