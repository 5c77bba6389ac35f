import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { realClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import type { Revision, Store } from '../store.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { testSeed } from '../../base/test-seed.ts'

const rounds = 30
const folder = mkdtempSync(join(tmpdir(), 'sampan-crash-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'store.db')
const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))

interface Acknowledged {
  readonly type: string
  readonly revision: Revision
  readonly value: string
}

test(`no acknowledged write is lost by kill -9, and no revision is given twice (${rounds} rounds)`, async (t) => {
  t.diagnostic(`SEED=${testSeed}`)
  const random = seededRandom(testSeed)
  /** By key, the last write that was acknowledged. */
  const lastOf = new Map<string, Acknowledged>()
  const given = new Set<Revision>()
  let highest = 0
  for (let round = 0; round < rounds; round++) {
    const before = highest
    const lines = await killedWriter({ isEarly: false, afterMs: random.float() * 100 })
    // A second kill while the file is opened and what the first left is recovered.
    if (round % 5 === 4) lines.push(...(await killedWriter({ isEarly: true, afterMs: random.float() * 400 })))
    for (const line of lines) {
      const [type = '', key = '', number = '', value = ''] = line.split(' ')
      const revision = Number(number)
      if (type === 'open') {
        assert(revision >= before, `opened at ${revision} though ${before} was acknowledged`)
        continue
      }
      assert(!given.has(revision) && revision > before, `revision ${revision} was given twice`)
      given.add(revision)
      highest = Math.max(highest, revision)
      if ((lastOf.get(key)?.revision ?? 0) < revision) lastOf.set(key, { type, revision, value })
    }
    await using store = await openSqliteStore(file, { clock: realClock, logger: silentLogger })
    assert((await store.current()) >= highest)
    await compare(store, lastOf)
  }
  t.diagnostic(`${given.size} acknowledged writes`)
  assert(given.size > rounds, 'the writers were killed before they wrote anything')
})

/** What the writer acknowledged before it was killed, `afterMs` after it opened the store or (`isEarly`) was started. */
async function killedWriter({ isEarly, afterMs }: { isEarly: boolean; afterMs: number }): Promise<string[]> {
  const child = spawn(process.execPath, [writer, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = textOf(child.stdout)
  const closed = once(child, 'close')
  if (!isEarly) await once(child.stdout, 'readable')
  await realClock.sleep(afterMs)
  child.kill('SIGKILL')
  assert.deepEqual(await closed, [null, 'SIGKILL'], 'the writer ended by itself')
  const lines = (await output).split('\n')
  lines.pop() // the last line may be cut off: its write counts as not reported
  return lines
}

/** Checks what is there against what was acknowledged, and takes over into `lastOf` what went further than that. */
async function compare(store: Store, lastOf: Map<string, Acknowledged>): Promise<void> {
  const { entries } = await store.list({ prefix: '/crash/' })
  const present = new Map(entries.map((entry) => [entry.key, entry]))
  for (const [key, { type, revision, value }] of lastOf) {
    const entry = present.get(key)
    if (entry && entry.revision > revision) {
      // The write reached the disk; the kill came before its acknowledgement.
      lastOf.set(key, {
        type: 'update',
        revision: entry.revision,
        value: Buffer.from(entry.value).toString(),
      })
    } else if (type === 'delete') {
      assert.equal(entry, undefined, `${key} is back after its delete at ${revision} was acknowledged`)
    } else if (entry) {
      assert.equal(entry.revision, revision)
      assert(Buffer.from(entry.value).toString() === value, `${key} has another value than was acknowledged`)
    } else {
      lastOf.set(key, { type: 'delete', revision: await deletedAfter(store, key, revision), value: '' })
    }
  }
}

/** The key is gone: its delete, not acknowledged, must be in the log. */
async function deletedAfter(store: Store, key: string, revision: Revision): Promise<Revision> {
  const until = await store.current()
  for await (const batch of store.watch({ prefix: key }, revision, new AbortController().signal)) {
    const deleted = batch.events.find((event) => event.type === 'delete')
    if (deleted) return deleted.revision
    if (batch.revision >= until) break
  }
  return assert.fail(`${key}, acknowledged at ${revision}, is lost`)
}
