import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'

import { StoreError, type Revision } from '../store.ts'
import { openDatabase } from './database.ts'
import type { OpenArgs } from './protocol.ts'
import { numberIn, verified, type LogRow } from './rows.ts'
import { corruptError, corruptValueError } from './sqlite-errors.ts'

/** The open database as its thread sees it. */
export interface Engine {
  readonly file: string
  readonly db: DatabaseSync
  readonly sql: Readonly<Record<StatementName, StatementSync>>
  /** The last committed revision. */
  revision: Revision
  compacted: Revision
}

/** A range is `key >= ? AND key < ?` with a number of `bounds.ts`' making; `x''`, being no text, follows every text. */
const statements = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  addLog: 'INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)',
  getLog: 'SELECT * FROM log WHERE revision = ?',
  spanLog: 'SELECT * FROM log WHERE revision > ? AND revision <= ? ORDER BY revision',
  headOfLog:
    'SELECT revision, type, previous, key FROM log WHERE revision > ? AND revision <= ? ORDER BY revision',
  dropLog: 'DELETE FROM log WHERE revision = ?',
  lastLog: 'SELECT max(revision) AS revision FROM log',
  addLive: 'INSERT INTO live VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  setLive: 'UPDATE live SET revision = ?, due_ms = ? WHERE key = ?',
  getLive: 'SELECT revision FROM live WHERE key = ?',
  dropLive: 'DELETE FROM live WHERE key = ?',
  addPast: 'INSERT INTO past VALUES (?, ?, ?)',
  getPast: 'SELECT revision FROM past WHERE key = ? AND until > ? AND revision <= ?',
  dropPast: 'DELETE FROM past WHERE key = ? AND until = ?',
  listNow: 'SELECT key, revision FROM live WHERE key > ? AND key >= ? AND key < ? ORDER BY key',
  countNow: 'SELECT count(*) AS count FROM live WHERE key > ? AND key >= ? AND key < ?',
  listAt: `SELECT key, revision FROM live WHERE key > ?1 AND key >= ?2 AND key < ?3 AND revision <= ?4
    UNION ALL SELECT key, revision FROM past WHERE key > ?1 AND key >= ?2 AND key < ?3 AND until > ?4 AND revision <= ?4
    ORDER BY key`,
  countAt: `SELECT (SELECT count(*) FROM live WHERE key > ?1 AND key >= ?2 AND key < ?3 AND revision <= ?4)
    + (SELECT count(*) FROM past WHERE key > ?1 AND key >= ?2 AND key < ?3 AND until > ?4 AND revision <= ?4) AS count`,
  due: 'SELECT key, revision FROM live WHERE due_ms <= ? ORDER BY due_ms LIMIT ?',
  nextDue: 'SELECT min(due_ms) AS due_ms FROM live WHERE due_ms IS NOT NULL AND due_ms > ?',
  getMeta: 'SELECT value, sum FROM meta WHERE name = ?',
  setMeta: 'INSERT OR REPLACE INTO meta VALUES (?, ?, ?)',
  freePages: 'PRAGMA freelist_count',
  pages: 'PRAGMA page_count',
} as const
export type StatementName = keyof typeof statements

export function openEngine({ file, fileBytesMax }: OpenArgs): Engine {
  const db = openDatabase(file, fileBytesMax)
  try {
    const entries = Object.entries(statements).map(([name, text]) => [name, db.prepare(text)])
    const sql = Object.fromEntries(entries) as Record<StatementName, StatementSync>
    const engine: Engine = { file, db, sql, revision: 0, compacted: 0 }
    engine.compacted = metaOf(engine, 'compacted')
    // The log's last rows may have been compacted away: the revision then stands in `meta` alone.
    const last = sql.lastLog.get()?.['revision']
    engine.revision = Math.max(metaOf(engine, 'revision'), typeof last === 'number' ? last : 0)
    return engine
  } catch (error) {
    db.close()
    throw error
  }
}

/** Runs `change` in one transaction; when this returns it is on disk. Whatever throws, nothing of it was written. */
export function inTransaction<T>(engine: Engine, change: () => T): T {
  const { db, sql, revision, compacted } = engine
  sql.begin.run()
  try {
    const result = change()
    sql.commit.run()
    return result
  } catch (error) {
    engine.revision = revision
    engine.compacted = compacted
    if (db.isTransaction) sql.rollback.run()
    throw error
  }
}

/** The row of `log` that `live` or `past` point to. Throws `corrupt`. */
export function logRow(engine: Engine, key: string, revision: Revision): LogRow {
  const row = engine.sql.getLog.get(revision)
  if (!row) throw corruptValueError(engine.file, key)
  return verified(row, key, revision, engine.file)
}

type MetaName = 'revision' | 'compacted'

function metaOf(engine: Engine, name: MetaName): number {
  const row = engine.sql.getMeta.get(name)
  if (!row) return 0
  const value = numberIn(row, 'value', engine.file)
  if (row['sum'] !== metaSum(name, value)) throw corruptError(engine.file, `its ${name} fails its checksum`)
  return value
}

export function setMeta(engine: Engine, name: MetaName, value: number): void {
  engine.sql.setMeta.run(name, value, metaSum(name, value))
}

const metaSum = (name: MetaName, value: number): number => crc32(`${name} ${value}`)

export const isCorrupt = (error: unknown): boolean => error instanceof StoreError && error.code === 'corrupt'
