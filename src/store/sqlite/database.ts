import { closeSync, existsSync, fsyncSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { StoreError } from '../store.ts'
import { applicationId, formatVersion, schema } from './schema.ts'
import { corruptError } from './sqlite-errors.ts'

const busyWaitMs = 500 // a predecessor that is just being killed lets go within milliseconds
const checkedBytesMax = 64 * 1024 * 1024 // quick_check reads the whole file: a tenth of a second for this much
const cacheKiB = 8 * 1024
const walPagesMax = 4_000 // about 16 MiB of log before it is written back: a pause of some 20 ms, and what a start re-reads
const pageBytes = 4_096

/**
 * Opens or creates the file, holds it alone until closed (the kernel lets go when the process dies), and leaves
 * anything that is not ours exactly as it was. Throws `corrupt`, `newer`, `busy` or a SQLite error.
 */
export function openDatabase(file: string, fileBytesMax: number | undefined): DatabaseSync {
  const found = checkHeader(file)
  createPrivate(file)
  const db = new DatabaseSync(file, { timeout: busyWaitMs })
  try {
    // Must come before the first transaction, and must not reach a file of someone else's.
    if (found === 'nothing') db.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`)
    // Without this the log's index would live in a shared file, and a second process could come in between.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
    if (checkIdentity(db, file) === 'empty') create(db)
    else checkStructure(db, file)
    db.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${cacheKiB};
      PRAGMA wal_autocheckpoint = ${walPagesMax};
      PRAGMA journal_size_limit = ${2 * walPagesMax * pageBytes};
    `)
    if (fileBytesMax !== undefined) db.exec(`PRAGMA max_page_count = ${Math.ceil(fileBytesMax / pageBytes)}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Reads the first bytes without SQLite, which would already lock, recover or create. */
function checkHeader(file: string): 'nothing' | 'database' {
  if (!existsSync(file)) return 'nothing'
  const header = Buffer.alloc(100)
  const fd = openSync(file, 'r')
  let size: number
  try {
    size = readSync(fd, header, 0, header.length, 0)
  } finally {
    closeSync(fd)
  }
  if (size === 0) return 'nothing'
  if (size < header.length || header.toString('latin1', 0, 16) !== 'SQLite format 3\0')
    throw notOursError(file)
  const id = header.readInt32BE(68)
  if (id !== 0 && id !== applicationId) throw notOursError(file)
  return 'database'
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
function checkIdentity(db: DatabaseSync, file: string): 'ours' | 'empty' {
  const id = pragma(db, 'application_id')
  const version = pragma(db, 'user_version')
  if (id === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) return 'empty'
  if (id !== applicationId) throw notOursError(file)
  if (version > formatVersion) {
    throw new StoreError(
      'newer',
      `${file} has format ${version}, written by a later Sampan; this one reads up to ${formatVersion}. Nothing was changed. Start the later version, or choose another file.`,
    )
  }
  return 'ours'
}

function create(db: DatabaseSync): void {
  db.exec(`PRAGMA journal_mode = WAL; BEGIN; ${schema} COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`)
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
