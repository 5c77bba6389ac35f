import { closeSync, fdatasync, openSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { promisify } from 'node:util'

import type { Clock } from '../../base/clock.ts'
import { StoreError, type Revision } from '../store.ts'
import { openDatabase } from './database.ts'
import { compareKeys } from '../keys.ts'
import { openHead, readHead, type HeadFile } from './head-file.ts'
import { verified, type LogRow } from './rows.ts'
import { corruptError, corruptValueError, isSqliteError } from './sqlite-errors.ts'
import { decodeState, encodeState, type Digest, type State } from './state.ts'
import { verifyTables } from './verify.ts'
import { walOf } from './wal-scan.ts'

export interface OpenArgs {
  readonly file: string
  /** The file does not grow beyond this; unset means as far as the disk goes. */
  readonly fileBytesMax: number | undefined
}

const logPagesMax = 2_000 // 8 MiB of log before it is written back: a pause of some milliseconds, and what a start re-reads

/** A look at everything that exists (`scrub.ts`), in steps between which writes go on. */
interface Scrub {
  /** Rows up to this key have been seen. */
  after: string
  /** Over those rows, as they are now: whoever changes one of them keeps this true (`changeLive`). */
  live: Digest
}

/** The open database. Whoever works on it calls `settle` before anybody else does, or hears of it (`turns.ts`). */
export interface Engine {
  readonly file: string
  readonly db: DatabaseSync
  readonly sql: Readonly<Record<StatementName, StatementSync>>
  readonly head: HeadFile
  /** Of the database and of its log, to sync them by. */
  readonly fds: { readonly file: number; readonly log: number }
  /** As of the last commit; within `inTransaction`, as it will be. */
  readonly state: State
  /** What opening had to say to the operator. */
  readonly notes: readonly string[]
  /** Something was committed to the log that may not be on disk yet. */
  isUnsynced: boolean
  /** Under way. */
  scrub: Scrub | undefined
}

/** A range is `key >= ? AND key < ?` with a number of `bounds.ts`' making; `x''`, being no text, follows every text. */
const statements = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  addLog: 'INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)',
  getLog: 'SELECT * FROM log WHERE revision = ?',
  spanLog: 'SELECT * FROM log WHERE revision > ? AND revision <= ? ORDER BY revision',
  dropLog: 'DELETE FROM log WHERE revision = ?',
  lastLog: 'SELECT max(revision) AS revision FROM log',
  addLive: 'INSERT INTO live VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  setLive: 'UPDATE live SET revision = ?, due_ms = ? WHERE key = ?',
  getLive: 'SELECT revision, due_ms FROM live WHERE key = ?',
  dropLive: 'DELETE FROM live WHERE key = ?',
  addPast: 'INSERT INTO past VALUES (?, ?, ?)',
  getPast: 'SELECT revision FROM past WHERE key = ? AND until > ? AND revision <= ?',
  dropPast: 'DELETE FROM past WHERE key = ? AND until = ? AND revision = ?',
  listNow: 'SELECT key, revision FROM live WHERE key > ? AND key >= ? AND key < ? ORDER BY key',
  countNow: 'SELECT count(*) AS count FROM live WHERE key > ? AND key >= ? AND key < ?',
  listAt: `SELECT key, revision FROM live WHERE key > ?1 AND key >= ?2 AND key < ?3 AND revision <= ?4
    UNION ALL SELECT key, revision FROM past WHERE key > ?1 AND key >= ?2 AND key < ?3 AND until > ?4 AND revision <= ?4
    ORDER BY key`,
  countAt: `SELECT (SELECT count(*) FROM live WHERE key > ?1 AND key >= ?2 AND key < ?3 AND revision <= ?4)
    + (SELECT count(*) FROM past WHERE key > ?1 AND key >= ?2 AND key < ?3 AND until > ?4 AND revision <= ?4) AS count`,
  due: 'SELECT key, revision FROM live WHERE due_ms <= ? ORDER BY due_ms LIMIT ?',
  scrubLive: 'SELECT key, revision, due_ms FROM live WHERE key > ? ORDER BY key',
  nextDue: 'SELECT min(due_ms) AS due_ms FROM live WHERE due_ms IS NOT NULL AND due_ms > ?',
  getState: 'SELECT value FROM state WHERE id = 1',
  setState: 'UPDATE state SET value = ? WHERE id = 1',
  freePages: 'PRAGMA freelist_count',
  pages: 'PRAGMA page_count',
  logPages: 'PRAGMA wal_checkpoint(NOOP)',
} as const
export type StatementName = keyof typeof statements

export function openEngine({ file, fileBytesMax }: OpenArgs, clock: Clock): Engine {
  const { db, notes, hasLeftovers } = openDatabase(file, fileBytesMax)
  using undo = new DisposableStack()
  const fds = { file: openSync(file, 'r+'), log: openSync(walOf(file), 'r+') }
  // After the database: to close any descriptor of its file is to give up SQLite's lock on it.
  undo.defer(() => closeFds(fds))
  undo.defer(() => db.close())
  const entries = Object.entries(statements).map(([name, text]) => [name, db.prepare(text)])
  const sql = Object.fromEntries(entries) as Record<StatementName, StatementSync>
  const value = sql.getState.get()?.['value']
  const state = value instanceof Uint8Array ? decodeState(Buffer.from(value)) : undefined
  if (!state) throw corruptError(file, 'its state fails its checksum')
  verifyTables({ db, file, state })
  const head = undo.use(openHead(file, fds.log, clock))
  const engine: Engine = {
    file,
    db,
    sql,
    head,
    fds,
    state,
    notes: [...notes, ...checkHead(file, state)],
    isUnsynced: false,
    scrub: undefined,
  }
  head.note(state.revision, { hasLeftovers })
  undo.move()
  return engine
}

/** Writes the log back into the file, and syncs that. */
export function closeEngine({ db, fds, head }: Engine): void {
  head[Symbol.dispose]()
  db.close()
  closeFds(fds)
}

function closeFds({ file, log }: Engine['fds']): void {
  closeSync(file)
  closeSync(log)
}

/** What was committed is on disk. From time to time the log is written back. Throws when the disk doesn't sync. */
export async function settle(engine: Engine): Promise<void> {
  const { fds, head, sql, state } = engine
  if (!engine.isUnsynced) return
  await sync(fds.log)
  engine.isUnsynced = false
  head.note(state.revision)
  if (Number(sql.logPages.get()?.['log']) < logPagesMax) return
  writeBack(engine)
  // Before the next write, which begins the log anew.
  await sync(fds.file)
}

/** From the log, which is on disk, into the system's cache of the file: SQLite would wait for the disk in this thread. */
function writeBack({ db }: Engine): void {
  db.exec('PRAGMA synchronous = OFF')
  try {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch (error) {
    if (!isSqliteError(error, 'full')) throw error // there may be room later; until then the log has everything
  } finally {
    db.exec('PRAGMA synchronous = NORMAL')
  }
}

const sync = promisify(fdatasync)

/** Runs `change` in one transaction, for `settle` to bring to disk. Whatever throws, nothing of it was written. */
export function inTransaction<T>(engine: Engine, change: () => T): T {
  const { db, sql, head, state } = engine
  const before = { ...state }
  sql.begin.run()
  try {
    const result = change()
    // Every change moves one of these; a group that was refused as a whole costs no write.
    if (state.revision !== before.revision || state.compacted !== before.compacted)
      sql.setState.run(encodeState(state))
    engine.isUnsynced = true
    sql.commit.run()
    return result
  } catch (error) {
    Object.assign(state, before)
    engine.scrub = undefined // what it has seen may have been undone
    if (db.isTransaction) sql.rollback.run()
    head.note(state.revision, { hasLeftovers: true })
    throw error
  }
}

/** Every change of `live` passes here, so that its digests stay true. */
export function changeLive({ state, scrub }: Engine, key: string, change: (digest: Digest) => Digest): void {
  state.live = change(state.live)
  if (scrub && compareKeys(key, scrub.after) <= 0) scrub.live = change(scrub.live)
}

/** A log that was cut between two frames is an earlier crash; the operator should hear of it all the same. */
function checkHead(file: string, { revision }: State): string[] {
  const head = readHead(file)
  if (!head || head.revision <= revision) return []
  return [
    `${file} is at revision ${revision}, though writes up to ${head.revision} were acknowledged: its log was cut or removed, or the file is an older copy.`,
  ]
}

/** The row of `log` that `live` or `past` point to. Throws `corrupt`. */
export function logRow(engine: Engine, key: string, revision: Revision): LogRow {
  const row = engine.sql.getLog.get(revision)
  if (!row) throw corruptValueError(engine.file, key)
  return verified(row, key, revision, engine.file)
}

export const isCorrupt = (error: unknown): boolean => error instanceof StoreError && error.code === 'corrupt'
