import { createHash } from 'node:crypto'

/**
 * The tables, the same since format 1: those of `../sqlite/schema.ts`, in a schema of their own.
 *
 *     log   one row per write, in revision order: what was written, and which revision it replaced.
 *     live  one row per key that exists now: where in the log its value is.
 *     past  one row per replaced version that is still kept: from `revision` until `until`, its key had that value.
 *     meta  `format`, `compacted` (older revisions are refused) and `forgotten` (their rows are gone up to here).
 *
 * Revisions are gap-free and become visible in their order, because writers take turns: `write_2` first takes the
 * schema's write lock, which PostgreSQL lets go only after the commit is on disk and visible. So whoever reads the log
 * sees all revisions up to some point and none after it; no gap ever needs to be waited for. What keeps this fast is
 * that one call carries a whole group of writes, however many clients there are.
 *
 *     replica A   lock ─ writes 1..40 ─ commit, sync ─ unlock
 *     replica B                 (waits)                      lock ─ writes 41..45 ─ …
 *
 * Keys are `bytea`: they order by their bytes in every database, whatever its encoding and collation, and may hold any
 * character. `stamp` is a random number of the group: two histories that share a revision differ in it, which is how a
 * failover that lost acknowledged writes is noticed.
 *
 * Functions carry the format in their name: an upgrade adds its own beside those that running replicas still call.
 */
export const formatVersion = 3

/** The codes of `log.type`, by their place. */
export const writeTypes = ['create', 'update', 'delete'] as const
export type WriteType = (typeof writeTypes)[number]

/** What became of a write, by the place of its code. `later`: the answer had no room for it, ask again. */
export const writeOutcomes = ['ok', 'exists', 'missing', 'conflict', 'corrupt', 'later'] as const
export type WriteOutcome = (typeof writeOutcomes)[number]

/** In `expected`: the key may have any revision. */
export const anyRevision = -1

/** Advisory locks are numbers that the whole database shares: 64 bits of a hash keep clear of other programs'. */
const lockOf = (purpose: string, schema: string): bigint =>
  createHash('sha256').update(`sampan ${purpose} ${schema}`).digest().readBigInt64BE()

export const writeLock = (schema: string): bigint => lockOf('write', schema)
export const migrationLock = (schema: string): bigint => lockOf('migration', schema)
/** Shared by the sessions of all replicas that want to be told of writes (see `write-functions.ts`). */
export const presenceLock = (schema: string): bigint => lockOf('presence', schema)
export const compactionLock = (schema: string): bigint => lockOf('compaction', schema)

/** Where new revisions are announced. */
export const channelOf = (schema: string): string => `sampan_${schema}`

// The log loses rows as fast as it gets them: vacuum must not wait until a fifth of a large table is dead.
const vacuum = 'autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000'

export const createTables = (schema: string): string => `
  CREATE TABLE "${schema}".log (
    revision bigint PRIMARY KEY,
    previous bigint NOT NULL,
    create_revision bigint NOT NULL,
    stamp bigint NOT NULL,
    type smallint NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL
  ) WITH (${vacuum}, toast.autovacuum_vacuum_scale_factor = 0.05);
  CREATE TABLE "${schema}".live (
    key bytea PRIMARY KEY,
    revision bigint NOT NULL,
    due_ms bigint
  ) WITH (fillfactor = 80, ${vacuum});
  CREATE INDEX live_due ON "${schema}".live (due_ms) WHERE due_ms IS NOT NULL;
  CREATE TABLE "${schema}".past (
    key bytea NOT NULL,
    until bigint NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (key, until)
  ) WITH (${vacuum});
  CREATE TABLE "${schema}".meta (name text PRIMARY KEY, value bigint NOT NULL);
  INSERT INTO "${schema}".meta VALUES ('format', ${formatVersion}), ('compacted', 0), ('forgotten', 0);
`

/** The server's clock decides what is due, so that replicas need not agree on the time. */
export const nowMs = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
