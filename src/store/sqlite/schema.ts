/**
 * The database, format 1.
 *
 *     log   one row per write, in revision order: what was written, and which revision it replaced.
 *     live  one row per key that exists now: where in the log its value is.
 *     past  one row per replaced version that is still kept: from `revision` until `until`, its key had that value.
 *     meta  `revision` and `compacted` as of the last compaction.
 *
 * A create costs an append to `log` and one small row in `live`; the value is written once. The state at revision R
 * is the rows of `live` with revision ≤ R, and those of `past` with revision ≤ R < until.
 *
 * Compaction to C walks the log's rows up to C: the version that each of them replaced ends at or before C, so no
 * readable revision shows it, and it goes; so do the deletes themselves. Freed pages are used again by later
 * writes, and given back to the file system when they are many.
 *
 * `sum` is a CRC-32 over all the columns of a row (see `rows.ts`): SQLite checks its own structure, not our bytes.
 */
export const applicationId = 0x534d_504e // "SMPN"
export const formatVersion = 1

export const schema = `
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
  CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL,
    sum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`
