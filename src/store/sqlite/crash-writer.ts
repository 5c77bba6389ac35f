/**
 * The victim of `crash.test.ts`: opens the store at argv[2] and writes to it from several writers until it is
 * killed. Each acknowledged write is one line on stdout, written before anything else happens:
 * `type key revision value`.
 */
import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { openSqliteStore } from './sqlite-store.ts'

const writers = 8
const file = process.argv[2] ?? ''
const store = await openSqliteStore(file, { clock: realClock, logger: silentLogger })
const report = (type: string, key: string, revision: number, value: string) =>
  process.stdout.write(`${type} ${key} ${revision} ${value}\n`) // to a pipe, Node writes at once

async function write(): Promise<never> {
  for (;;) {
    const key = `/crash/${realRandom.suffix(12)}`
    // From a few bytes to some pages, so that a kill also falls into the middle of large transactions.
    const value = () => realRandom.suffix(8).repeat(1 + Math.floor(realRandom.float() ** 4 * 4_000))
    const first = value()
    const created = await store.create(key, Buffer.from(first))
    report('create', key, created, first)
    if (realRandom.float() < 0.5) continue
    const second = value()
    const updated = await store.update(key, Buffer.from(second), created)
    report('update', key, updated, second)
    if (realRandom.float() < 0.5) continue
    const { revision } = await store.delete(key, updated)
    report('delete', key, revision, '')
    if (realRandom.float() < 0.05) await store.compact(Math.max(revision - 2_000, await store.compacted()))
  }
}

report('open', file, await store.current(), '')
await Promise.all(Array.from({ length: writers }, write))
