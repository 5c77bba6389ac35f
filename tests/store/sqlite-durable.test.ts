/**
 * What survives a power cut is what was synced, and in which order: the store's system calls are watched while it is
 * written to. (`src/store/sqlite/crash.test.ts` kills the process, of which the system's cache survives.)
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { realClock } from '../../src/base/clock.ts'
import { isMissing } from '../support/needs.ts'

const writer = fileURLToPath(new URL('../../src/store/sqlite/crash-writer.ts', import.meta.url))
/** Long enough for the log to be written back several times. */
const reportBytesMin = 32 * 1024 * 1024

interface Seen {
  acknowledged: number
  /** The log was begun anew. */
  restarts: number
}

test('a write is acknowledged when its log is on disk; the log is used again when the file is', async (t) => {
  if (isMissing(t, 'strace', 'watching what is synced')) return
  const folder = mkdtempSync(join(tmpdir(), 'sampan-durable-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const trace = join(folder, 'trace')
  await traceWriter(join(folder, 'store.db'), trace)
  const seen = judge(readFileSync(trace, 'latin1').split('\n'))
  t.diagnostic(`${seen.acknowledged} writes were acknowledged, the log was begun anew ${seen.restarts} times`)
  assert(seen.acknowledged > 1_000)
  assert(seen.restarts >= 2)
})

/** Runs the writer of `crash.test.ts` until it has written enough. Into a file it reports at once; a full pipe would make it wait. */
async function traceWriter(file: string, trace: string): Promise<void> {
  const reports = openSync(`${file}-reports`, 'wx+')
  const calls = 'trace=fsync,fdatasync,pwrite64,write'
  const args = ['-f', '-y', '-s', '24', '-e', calls, '-o', trace, process.execPath, writer, file]
  const child = spawn('strace', args, { stdio: ['ignore', reports, 'inherit'], detached: true })
  const closed = once(child, 'close')
  try {
    while (fstatSync(reports).size < reportBytesMin) {
      assert.equal(child.exitCode, null, 'the writer ended by itself')
      await realClock.sleep(20)
    }
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await closed
    closeSync(reports)
  }
}

/** Reads the calls in the order in which they were made; a sync counts from its end, and for what was written before it began. */
function judge(calls: readonly string[]): Seen {
  const seen: Seen = { acknowledged: 0, restarts: 0 }
  /** How many writes there were to it, and how many of them are on disk. */
  const log = { writes: 0, synced: 0 }
  const file = { writes: 0, synced: 0 }
  /** By thread, the sync that it waits for. */
  const syncing = new Map<string, { readonly of: typeof log; readonly covers: number }>()
  for (const call of calls) {
    const thread = /^\d+/.exec(call)?.[0] ?? ''
    const written = /pwrite64\(\d+<[^>]*store\.db(-wal)?>.*, (\d+)\)? *(?:=|<unf)/.exec(call)
    if (written) {
      const isLog = written[1] !== undefined
      if (isLog && written[2] === '0' && seen.acknowledged > 0) {
        seen.restarts++
        assert.equal(file.synced, file.writes, `the log was begun anew before the file was synced: ${call}`)
      }
      if (!isLog)
        assert.equal(log.synced, log.writes, `the file was written to before the log was synced: ${call}`)
      ;(isLog ? log : file).writes++
    }
    const synced = /f(?:data)?sync\(\d+<[^>]*store\.db(-wal)?>/.exec(call)
    if (synced) {
      const of = synced[1] === undefined ? file : log
      syncing.set(thread, { of, covers: of.writes })
    }
    const sync = /sync\b.* = 0$/.test(call) ? syncing.get(thread) : undefined
    if (sync) sync.of.synced = Math.max(sync.of.synced, sync.covers)
    if (/ write\(1<[^>]*>, "(?:create|update|delete) /.test(call)) {
      seen.acknowledged++
      assert.equal(log.synced, log.writes, `acknowledged before the log was synced: ${call}`)
    }
  }
  return seen
}
