import { DatabaseSync } from 'node:sqlite'

/**
 * The database, format 2.
 *
 *     log   one row per write, in revision order: what was written, and which revision it replaced.
 *     live  one row per key that exists now: where in the log its value is.
 *     past  one row per replaced version that is still kept: from `revision` until `until`, its key had that value.
 *     state one row, written by each transaction: where the store stands, and digests of `live` and `past` (`state.ts`).
 *
 * A create costs an append to `log`, one small row in `live` and the row in `state`; the value is written once. The
 * state at revision R is the rows of `live` with revision ≤ R, and those of `past` with revision ≤ R < until.
 *
 * Compaction to C walks the log's rows up to C: the version that each of them replaced ends at or before C, so no
 * readable revision shows it, and it goes; so do the deletes themselves. Freed pages are used again by later
 * writes, and given back to the file system when they are many.
 *
 * SQLite checks its own structure, not our bytes. So `log.sum` is a CRC-32 over all the columns of a row (`rows.ts`),
 * and a row of `live` or `past` that is lost, changed or too many makes the digest differ.
 *
 * Format 1 had a table `meta` in place of `state`, and no digests; `upgrade.ts` brings it here.
 */
export const applicationId = 0x534d_504e // "SMPN"
export const formatVersion = 2
export const pageBytes = 4_096

export const stateTable = `
  CREATE TABLE state (
    id INTEGER PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT;
`

export const schema = `
  ${stateTable}
  CREATE TABLE log (
    revision INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    sum INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  CREATE TABLE live (
    key TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    due_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX live_due ON live (due_ms) WHERE due_ms IS NOT NULL;
  CREATE TABLE past (
    key TEXT NOT NULL,
    until INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (key, until)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`

/** What SQLite has noted of the schema, as one comparable text. */
export function schemaOf(db: DatabaseSync): string {
  const rows = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all()
  return JSON.stringify(rows)
}

/** `schemaOf` a sound database. */
export function schemaExpected(): string {
  const db = new DatabaseSync(':memory:')
  try {
    db.exec(schema)
    return schemaOf(db)
  } finally {
    db.close()
  }
}
