import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'

import { numberIn, textIn, verified } from './rows.ts'
import { formatVersion, stateTable } from './schema.ts'
import { corruptError } from './sqlite-errors.ts'
import { encodeState, liveHash, noRows, pastHash, plus } from './state.ts'

export const backupOf = (file: string, version: number): string => `${file}.backup-v${version}`

/**
 * Brings a database of format 1 to the present one, in one transaction, after a whole copy of it was put beside it. What
 * is damaged is not upgraded: throws `corrupt`. Returns what was done, as a sentence.
 */
export function upgrade(db: DatabaseSync, file: string): string {
  const backup = backupOf(file, 1)
  takeCopy(db, backup)
  const meta = (name: string): number => {
    const row = db.prepare('SELECT value, sum FROM meta WHERE name = ?').get(name)
    if (!row) return 0
    const value = numberIn(row, 'value', file)
    if (row['sum'] !== crc32(`${name} ${value}`)) throw corruptError(file, `its ${name} fails its checksum`)
    return value
  }
  const last = db.prepare('SELECT max(revision) AS revision FROM log').get()?.['revision']
  const revision = Math.max(meta('revision'), typeof last === 'number' ? last : 0)
  const state = { revision, compacted: meta('compacted'), live: noRows, past: noRows }
  const getLog = db.prepare('SELECT * FROM log WHERE revision = ?')
  for (const row of db.prepare('SELECT key, revision, due_ms FROM live').iterate()) {
    const key = textIn(row, 'key', file)
    const at = numberIn(row, 'revision', file)
    verified(getLog.get(at) ?? {}, key, at, file)
    state.live = plus(state.live, liveHash(key, at, dueOf(row['due_ms'])))
  }
  for (const row of db.prepare('SELECT key, until, revision FROM past').iterate()) {
    const hash = pastHash(
      textIn(row, 'key', file),
      numberIn(row, 'until', file),
      numberIn(row, 'revision', file),
    )
    state.past = plus(state.past, hash)
  }
  db.exec('BEGIN IMMEDIATE')
  try {
    db.exec(`${stateTable} DROP TABLE meta`)
    db.prepare('INSERT INTO state VALUES (1, ?)').run(encodeState(state))
    db.exec(`PRAGMA user_version = ${formatVersion}; COMMIT`)
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
  return `${file} was brought from format 1 to format ${formatVersion}; as it was before, it is in ${backup}.`
}

/** Whole under its name or not there: a copy that was cut off is taken again. */
function takeCopy(db: DatabaseSync, backup: string): void {
  const unfinished = `${backup}.unfinished`
  rmSync(unfinished, { force: true })
  closeSync(openSync(unfinished, 'wx', 0o600)) // before SQLite would make it readable for others
  db.prepare('VACUUM INTO ?').run(unfinished)
  chmodSync(unfinished, 0o600)
  sync(unfinished)
  if (existsSync(backup)) rmSync(backup)
  renameSync(unfinished, backup)
  sync(dirname(backup))
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const dueOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
