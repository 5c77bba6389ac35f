import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, text, thrown, watchUntil } from '../conformance/suite.ts'
import { isStoreError } from '../store.ts'
import { openSqliteStore } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-damage-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const newFile = () => join(folder, `${++count}.db`)
const open = (file: string) => openSqliteStore(file, { clock: realClock, logger: silentLogger })

/** A closed store with some entries, one of which holds a text that can be found in the file. */
async function storeWith(marked: string): Promise<string> {
  const file = newFile()
  await using store = await open(file)
  for (let i = 0; i < 200; i++) await store.create(`/key/${i}`, bytes(`value ${i} `.repeat(20)))
  await store.update('/key/7', bytes(marked.repeat(4)), 8)
  await store.update('/key/7', bytes('the present value'), 201)
  await store.create('/marked', bytes(marked.repeat(4)))
  return file
}

function flip(file: string, needle: string, from: 'first' | 'last'): void {
  const content = readFileSync(file)
  const at = from === 'first' ? content.indexOf(needle) : content.lastIndexOf(needle)
  assert(at >= 0, 'the text is in the file')
  content[at] = (content[at] ?? 0) ^ 1
  writeFileSync(file, content)
}

test('a flipped bit in a value is detected and named, never served; the rest goes on', async () => {
  const file = await storeWith('flip-me!')
  for (const from of ['first', 'last'] as const) flip(file, 'flip-me!', from)
  await using store = await open(file)
  const signal = new AbortController().signal
  for (const action of [
    () => store.get('/marked'),
    () => store.get('/key/7', { at: 201 }),
    () => store.list({ prefix: '/' }),
    () => store.update('/marked', bytes('new'), 203),
    () => store.delete('/marked'),
    async () => {
      for await (const _ of store.watch({ prefix: '/marked' }, 0, signal)); // until it meets the damage
    },
  ]) {
    const error = await thrown('corrupt', action)
    assert(error.message.includes(file), 'it names the file')
    assert.match(error.message, /restore a backup/)
  }
  assert.equal((await thrown('corrupt', () => store.get('/marked'))).key, '/marked')
  assert.equal(text((await store.get('/key/7')).entry?.value), 'the present value')
  const writes = await Promise.allSettled([store.create('/new', bytes('x')), store.delete('/marked')])
  assert.deepEqual(
    writes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
})

test('a flipped bit in any copy of a key is detected, or was in a place that is not in use', async () => {
  const original = readFileSync(await storeWith('x'))
  const outcomes: string[] = []
  for (let at = original.indexOf('/marked'); at >= 0; at = original.indexOf('/marked', at + 1)) {
    const file = newFile()
    const damaged = Buffer.from(original)
    damaged[at + 1] = (damaged[at + 1] ?? 0) ^ 1
    writeFileSync(file, damaged)
    outcomes.push(await readAll(file))
  }
  assert(outcomes.filter((outcome) => outcome === 'corrupt').length >= 2, 'in `live` and in `log`')
})

/** 'corrupt', or 'intact' when list and watch give exactly what was written. */
async function readAll(file: string): Promise<'corrupt' | 'intact'> {
  try {
    await using store = await open(file)
    const { entries } = await store.list({ prefix: '/' })
    assert.equal(entries.filter(({ key }) => /^\/key\/\d+$|^\/marked$/.test(key)).length, 201)
    const { events } = await watchUntil(store, { from: 0, until: 203, signal: AbortSignal.timeout(10_000) })
    assert.equal(events.at(-1)?.key, '/marked')
    return 'intact'
  } catch (error) {
    assert(isStoreError(error, 'corrupt'), String(error))
    return 'corrupt'
  }
}

for (const [what, damage] of [
  ['a page is overwritten', (file: string) => overwrite(file, 4_096, 4_096)],
  [
    'the end is cut off',
    (file: string) => truncateSync(file, Math.floor(statSync(file).size / 8_192) * 4_096),
  ],
  ['the header is zeroed', (file: string) => overwrite(file, 0, 100)],
] as const) {
  test(`when ${what}, the store is refused with the file and the next step`, async () => {
    const file = await storeWith('x')
    damage(file)
    const error = await thrown('corrupt', () => open(file))
    assert(error.message.includes(file))
    assert.match(error.message, /restore a backup/)
  })
}

test('a file that is no database is refused and left as it was', async () => {
  for (const content of ['x', 'just some text '.repeat(1_000)]) {
    const file = newFile()
    writeFileSync(file, content)
    const error = await thrown('corrupt', () => open(file))
    assert.match(error.message, /not a Sampan database/)
    assert.equal(readFileSync(file, 'utf8'), content)
  }
})

test("another program's database is refused and left as it was", async () => {
  for (const id of [0, 7]) {
    const file = newFile()
    const db = new DatabaseSync(file)
    db.exec(`CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1); PRAGMA application_id = ${id}`)
    db.close()
    const before = readFileSync(file)
    await thrown('corrupt', () => open(file))
    assert.deepEqual(readFileSync(file), before)
  }
})

test('a database of a later format is refused with a clear sentence and left as it was', async () => {
  const file = await storeWith('x')
  const db = new DatabaseSync(file)
  db.exec('PRAGMA user_version = 99')
  db.close()
  const error = await thrown('newer', () => open(file))
  assert.match(error.message, /format 99, written by a later Sampan; this one reads up to 2/)
  assert(error.message.includes(file))
})

test('an empty file, as a start that was cut off leaves it, becomes a store', async () => {
  const file = newFile()
  appendFileSync(file, '')
  await using store = await open(file)
  assert.equal(await store.create('/a', bytes('x')), 1)
})

test('a file in a folder that is not there is unavailable, with the next step', async () => {
  const error = await thrown('unavailable', () => open(join(folder, 'nowhere', 'store.db')))
  assert.match(error.message, /Check that its folder exists/)
})

test('only one may hold the file; the second is told so, and the first goes on', async () => {
  const file = newFile()
  await using first = await open(file)
  const error = await thrown('busy', () => open(file))
  assert.match(error.message, /in use by another process/)
  assert(error.message.includes(file))
  await first.create('/a', bytes('x'))
})

test('the file and its log are for their owner alone', async () => {
  const file = newFile()
  await using store = await open(file)
  await store.create('/secret', bytes('x'))
  for (const name of [file, `${file}-wal`]) assert.equal(statSync(name).mode & 0o777, 0o600)
})

function overwrite(file: string, from: number, length: number): void {
  const content = readFileSync(file)
  content.fill(0, from, from + length)
  writeFileSync(file, content)
}
