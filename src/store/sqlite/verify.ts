import type { DatabaseSync } from 'node:sqlite'
import { corruptError } from './sqlite-errors.ts'
import { numberIn, textIn } from './rows.ts'
import { isSameDigest, liveHash, noRows, pastHash, plus, type Digest, type State } from './state.ts'

interface Tables {
  readonly db: DatabaseSync
  readonly file: string
  readonly state: State
}

/**
 * Compares `live` and `past`, row by row, with the digests that the last transaction left: what a point read or a list
 * finds in them, or does not find, can be believed. Half a second for a million rows. What `log` holds is checked whenever
 * a row of it is read. Throws `corrupt`.
 */
export function verifyTables({ db, file, state }: Tables): void {
  let live = noRows
  for (const row of db.prepare('SELECT key, revision, due_ms FROM live').iterate()) {
    const key = textIn(row, 'key', file)
    live = plus(live, liveHash(key, numberIn(row, 'revision', file), dueOf(row['due_ms'])))
  }
  compare(file, 'live', live, state.live)
  let past = noRows
  for (const row of db.prepare('SELECT key, until, revision FROM past').iterate()) {
    const key = textIn(row, 'key', file)
    past = plus(past, pastHash(key, numberIn(row, 'until', file), numberIn(row, 'revision', file)))
  }
  compare(file, 'past', past, state.past)
  verifyDue(db, file)
  const last = db.prepare('SELECT max(revision) AS revision FROM log').get()?.['revision']
  if (typeof last === 'number' && last > state.revision)
    throw corruptError(file, `its log goes up to revision ${last} and its state only to ${state.revision}`)
}

/** The index by which keys expire holds the rows of the table, no more and no fewer. */
function verifyDue(db: DatabaseSync, file: string): void {
  const sums = (index: string): Digest => {
    let sum = noRows
    const sql = `SELECT key, due_ms FROM live ${index} WHERE due_ms IS NOT NULL`
    for (const row of db.prepare(sql).iterate()) {
      sum = plus(sum, liveHash(textIn(row, 'key', file), 0, numberIn(row, 'due_ms', file)))
    }
    return sum
  }
  compare(file, 'live_due', sums('INDEXED BY live_due'), sums('NOT INDEXED'))
}

function compare(file: string, table: string, found: Digest, expected: Digest): void {
  if (isSameDigest(found, expected)) return
  throw corruptError(
    file,
    found.count === expected.count
      ? `a row of its table "${table}" is not what was written`
      : `its table "${table}" has ${found.count} rows and should have ${expected.count}`,
  )
}

const dueOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
