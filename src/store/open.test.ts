import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { bytes, thrown } from './conformance/suite.ts'
import { openStore } from './open.ts'
import { valueBytesMax } from './store.ts'

const context = { clock: realClock, logger: silentLogger }

test('memory: is a store that forgets', async () => {
  await using store = await openStore('memory:', context)
  assert.deepEqual(store.capabilities, { durable: false, shared: false, valueBytesMax, skipsFreely: true })
})

test('sqlite: is a file at the path after the colon', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-open-'))
  try {
    for (const url of [`sqlite:${folder}/a.db`, `sqlite://${folder}/b.db`]) {
      await using store = await openStore(url, context)
      await store.create('/a', bytes('x'))
      assert.deepEqual(store.capabilities, { durable: true, shared: false, valueBytesMax, skipsFreely: true })
      assert(statSync(url.replace(/^sqlite:(\/\/)?/, '')).isFile())
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

for (const url of ['', 'sqlite', 'mysql://db', 'constructor:', 'sqlite:', '/path/store.db']) {
  test(`the URL "${url}" is refused with what would be right`, async () => {
    const error = await thrown('invalid', () => openStore(url, context))
    assert.match(error.message, /sqlite:/)
  })
}
