import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, text, thrown, watchUntil } from '../conformance/suite.ts'
import { openSqliteStore } from './sqlite-store.ts'

/** Written by the last Sampan of format 1; see the test for what is in it. */
const format1 = join(import.meta.dirname, '../../../tests/testdata/store/format-1.db')

const folder = mkdtempSync(join(tmpdir(), 'sampan-upgrade-'))
after(() => rmSync(folder, { recursive: true }))
const open = (file: string, logger = silentLogger) => openSqliteStore(file, { clock: realClock, logger })

function copyOf(name: string): string {
  const file = join(folder, name)
  copyFileSync(format1, file)
  return file
}

test('a store of format 1 is brought forward, with a copy of it taken first', async ({ signal }) => {
  const file = copyOf('a.db')
  const warned: string[] = []
  {
    await using store = await open(file, { ...silentLogger, warn: (message) => void warned.push(message) })
    assert.deepEqual([await store.current(), await store.compacted()], [27, 21])
    const { entries } = await store.list({ prefix: '' })
    assert.equal(entries.length, 20)
    const found = new Map(entries.map(({ key, value }) => [key, text(value)]))
    for (const [key, value] of [
      ['/key/0', 'value 0'],
      ['/key/3', 'three, again'],
      ['/key/5', 'five, changed'],
      ['/key/7', 'seven, changed again'],
      ['/long', 'expires in a century'],
    ] as const)
      assert.equal(found.get(key), value)
    assert.equal(text((await store.get('/key/9', { at: 25 })).entry?.value), 'value 9')
    const { events } = await watchUntil(store, { from: 21, until: 27, signal })
    assert.equal(events.length, 6)
    assert.equal(await store.create('/new', bytes('x')), 28)
  }
  assert.match(warned.join(), /from format 1 to format 2.*a\.db\.backup-v1/)
  await using again = await open(file)
  assert.equal(await again.current(), 28)
  const backup = new DatabaseSync(`${file}.backup-v1`, { readOnly: true })
  assert.deepEqual({ ...backup.prepare('SELECT max(revision) AS last FROM log').get() }, { last: 27 })
  assert.equal(backup.prepare('PRAGMA user_version').get()?.['user_version'], 1)
  backup.close()
  assert.equal(statSync(`${file}.backup-v1`).mode & 0o777, 0o600)
})

test('a damaged store of format 1 is refused and left as it was', async () => {
  const file = copyOf('b.db')
  const content = readFileSync(file)
  const at = content.lastIndexOf('value 11')
  content[at] = (content[at] ?? 0) ^ 1
  writeFileSync(file, content)
  const error = await thrown('corrupt', () => open(file))
  assert.equal(error.key, '/key/11')
  assert.deepEqual(readFileSync(file), content)
})

test('a copy that was cut off is taken again', async () => {
  const file = copyOf('c.db')
  writeFileSync(`${file}.backup-v1.unfinished`, 'half')
  await using store = await open(file)
  assert.equal(await store.current(), 27)
  assert(existsSync(`${file}.backup-v1`) && !existsSync(`${file}.backup-v1.unfinished`))
})
