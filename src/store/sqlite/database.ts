import { closeSync, existsSync, fsyncSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { StoreError } from '../store.ts'
import { readHead } from './head-file.ts'
import { applicationId, formatVersion, pageBytes, schema, schemaExpected, schemaOf } from './schema.ts'
import { corruptError, isSqliteError } from './sqlite-errors.ts'
import { encodeState, noRows } from './state.ts'
import { upgrade } from './upgrade.ts'
import { scanWal, walOf } from './wal-scan.ts'

const busyWaitMs = 500 // a predecessor that is just being killed lets go within milliseconds
const checkedBytesMax = 512 * 1024 * 1024 // quick_check reads the whole file: a second and a half for this much
const cacheKiB = 8 * 1024
const logBytesKept = 32 * 1024 * 1024 // of a log that a large transaction has made longer

export interface OpenDatabase {
  readonly db: DatabaseSync
  /** What the operator should know though nothing is wrong with what is there. */
  readonly notes: readonly string[]
  /** The log of an earlier run goes on: behind its end there may be what that one left. */
  readonly hasLeftovers: boolean
}

/**
 * Opens or creates the file, holds it alone until closed (the kernel lets go when the process dies), and leaves
 * anything that is not ours, or is damaged, exactly as it was. Throws `corrupt`, `newer`, `busy` or a SQLite error.
 */
export function openDatabase(file: string, fileBytesMax: number | undefined): OpenDatabase {
  const found = checkHeader(file)
  createPrivate(file)
  // SQLite would drop what it can't recover, and closing it would then remove the evidence: looked at before.
  if (found === 'database') checkLog(file)
  const notes: string[] = []
  const db = new DatabaseSync(file, { timeout: busyWaitMs })
  try {
    // Must come before the first transaction, and must not reach a file of someone else's.
    if (found === 'nothing') db.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`)
    takeAlone(db)
    const identity = checkIdentity(db, file)
    if (identity === 'empty') create(db)
    else {
      checkStructure(db, file)
      if (identity === 'older') notes.push(upgrade(db, file))
      if (schemaOf(db) !== schemaExpected()) throw corruptError(file, 'its tables are not those of a store')
    }
    const hasLeftovers = !startLog(db)
    // Commits are synced, and the log written back, by `settle`. SQLite still syncs a new log's first bytes before the rest.
    db.exec(`
      PRAGMA synchronous = NORMAL;
      PRAGMA cache_size = -${cacheKiB};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${logBytesKept};
    `)
    if (fileBytesMax !== undefined) db.exec(`PRAGMA max_page_count = ${Math.ceil(fileBytesMax / pageBytes)}`)
    return { db, notes, hasLeftovers }
  } catch (error) {
    db.close()
    throw error
  }
}

/** Without this the log's index would live in a shared file, and a second process could come in between. */
function takeAlone(db: DatabaseSync): void {
  db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
}

/** A generation of the log of its own for this run: what is behind the log's end is then from this run too. */
function startLog(db: DatabaseSync): boolean {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return true
  } catch (error) {
    if (isSqliteError(error, 'full')) return false // then reads go on, and later there may be room
    throw error
  }
}

/** Reads the first bytes without SQLite, which would already lock, recover or create. */
function checkHeader(file: string): 'nothing' | 'database' {
  if (!existsSync(file)) {
    if (!existsSync(walOf(file)) || statSync(walOf(file)).size === 0) return 'nothing'
    throw corruptError(file, 'its log is there and the file itself is gone')
  }
  const header = Buffer.alloc(100)
  const fd = openSync(file, 'r')
  let size: number
  try {
    size = readSync(fd, header, 0, header.length, 0)
  } finally {
    closeSync(fd)
  }
  if (size === 0 && (!existsSync(walOf(file)) || statSync(walOf(file)).size === 0)) return 'nothing'
  if (size < header.length || header.toString('latin1', 0, 16) !== 'SQLite format 3\0')
    throw notOursError(file)
  const id = header.readInt32BE(68)
  if (id !== 0 && id !== applicationId) throw notOursError(file)
  if (id === applicationId && !hasOurConstants(header))
    throw corruptError(file, 'its header is not one of ours')
  return 'database'
}

/**
 * Fields that never change once the schema is written (https://sqlite.org/fileformat2.html#the_database_header). Some
 * of them, were they changed, would make SQLite leave the log aside, or call the file read-only.
 */
const hasOurConstants = (header: Buffer): boolean =>
  header.readUInt16BE(16) === pageBytes &&
  header.toString('hex', 18, 24) === '020200402020' && // WAL twice, no reserved bytes, fractions
  header.readUInt32BE(44) === 4 && // schema format
  header.readUInt32BE(56) === 1 // UTF-8

/** What SQLite's recovery of the log would say nothing about. Throws `corrupt` for the loss of acknowledged writes. */
function checkLog(file: string): void {
  const scan = scanWal(file)
  const head = readHead(file)
  const isOfHead = scan.salts !== 0n && head?.salts === scan.salts
  if (scan.damage !== undefined && !(isOfHead && head?.hasLeftovers)) {
    // A store that is in use is written to while we read: then SQLite's lock says so, and this says nothing.
    assertNotInUse(file)
    throw corruptError(file, scan.damage)
  }
  if (!head || !isOfHead || scan.bytesBehind === 0 || (scan.revision ?? 0) >= head.revision) return
  const kept = scan.revision === undefined ? 'none of it' : `it up to revision ${scan.revision}`
  assertNotInUse(file)
  throw corruptError(
    file,
    `its log was acknowledged up to revision ${head.revision}, and only ${kept} is still sound`,
  )
}

/** Throws `busy` (as SQLite's error) when another process holds the file. Leaves file and log as they are. */
function assertNotInUse(file: string): void {
  const db = new DatabaseSync(file, { timeout: busyWaitMs, readOnly: true })
  try {
    db.exec('PRAGMA query_only = 1; BEGIN; SELECT 1 FROM sqlite_schema; COMMIT')
  } catch (error) {
    if (isSqliteError(error, 'busy')) throw error
    // Anything else is the damage that the caller is about to name.
  } finally {
    db.close()
  }
}

/** The store holds secrets: only its owner may read it. SQLite gives its log the same mode. */
function createPrivate(file: string): void {
  if (existsSync(file)) return
  closeSync(openSync(file, 'a', 0o600))
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder) // so that the file's name survives a power loss too
  } finally {
    closeSync(folder)
  }
}

/** A database with no table in it is a start that was cut off: it goes on. */
function checkIdentity(db: DatabaseSync, file: string): 'ours' | 'older' | 'empty' {
  const id = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  if (id === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) return 'empty'
  if (id !== applicationId) throw notOursError(file)
  if (version === formatVersion) return 'ours'
  if (version === 1 && schemaOf(db).includes('"meta"')) return 'older'
  if (version < formatVersion)
    throw corruptError(file, `it says format ${version}, and its tables are others`)
  throw new StoreError(
    'newer',
    `${file} has format ${version}, written by a later Sampan; this one reads up to ${formatVersion}. Nothing was changed. Start the later version, or choose another file; if there never was a later version here, the file is damaged: restore a backup.`,
  )
}

function create(db: DatabaseSync): void {
  const empty = encodeState({ revision: 0, compacted: 0, live: noRows, past: noRows })
  db.exec(`PRAGMA journal_mode = WAL; BEGIN; ${schema}`)
  db.prepare('INSERT INTO state VALUES (1, ?)').run(empty)
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
}

function checkStructure(db: DatabaseSync, file: string): void {
  if (statSync(file).size > checkedBytesMax) return
  const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  // The report's own heading and line breaks say nothing to a reader of one sentence.
  const report = String(found).replace(/^\*\*\* in database main \*\*\*\s*/, '')
  if (found !== 'ok') throw corruptError(file, report.replace(/\s+/g, ' ').trim())
}

const notOursError = (file: string): StoreError =>
  new StoreError(
    'corrupt',
    `${file} is not a Sampan database, or its first bytes are damaged. Nothing was changed. Choose another file, or restore a backup of this one.`,
  )

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}
