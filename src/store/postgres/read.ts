import { checkRevision } from '../bounds.ts'
import { compactedError } from '../errors.ts'
import { compareKeys, prefixEnd } from '../keys.ts'
import type { Entry, ListOptions, Page, Range, Read, Revision, StoreEvent, WatchBatch } from '../store.ts'
import { badRowError } from './postgres-errors.ts'
import type { Cell, Row } from './prepared-query.ts'
import { nowMs, writeTypes } from './schema.ts'
import type { Session, Statement } from './session.ts'

// One answer: some milliseconds, and a few MiB of text.
const chunkEntriesMax = 1_000
const chunkBytesMax = 1024 * 1024
const replayRevisionsMax = 2_000
const dueKeysMax = 500

export interface Head {
  readonly revision: Revision
  /** The oldest revision that can be read. */
  readonly compacted: Revision
}

export interface LogChunk extends Head {
  readonly events: readonly StoreEvent[]
  /** The chunk holds everything in its range up to here. */
  readonly upTo: Revision
  /** The random number of the group that wrote the last of `events`. */
  readonly stamp: string
  /** The same of the revision that was asked from, if the log still has it. */
  readonly fromStamp: string | undefined
}

/** The reads of one schema. Each is one statement, and thus one snapshot: its rows and its revision belong together. */
export interface Reader {
  head(session: Session): Promise<Head>
  get(session: Session, key: string, at: Revision | undefined): Promise<Read>
  /** A snapshot of the whole range, however large. */
  list(session: Session, range: Range, options: ListOptions): Promise<Page>
  /** The events after `from` up to `to`, as many as one step may carry. */
  log(
    session: Session,
    range: Range,
    span: { readonly from: Revision; readonly to: Revision },
  ): Promise<LogChunk>
  replay(
    session: Session,
    range: Range,
    span: { readonly from: Revision; readonly to: Revision },
  ): Promise<WatchBatch>
  /** Keys whose time has come, and in how many milliseconds the next one's does. */
  due(session: Session): Promise<{ keys: { key: string; revision: Revision }[]; nextMs: number | undefined }>
  /** The stamp of a revision that the log still has. */
  stamp(session: Session, revision: Revision): Promise<string | undefined>
}

export function createReader(schema: string): Reader {
  const sql = statements(schema)
  return {
    async head(session) {
      const [row] = await session.query(sql.head)
      return headOf(row)
    },
    async get(session, key, at) {
      const found = at === undefined ? sql.getNow : sql.getAt
      const values = [Buffer.from(key), ...(at === undefined ? [] : [at])]
      const [row] = await session.query(found, values)
      const head = headOf(row)
      if (at !== undefined) checkRevision(at, head.compacted, head.revision)
      const [, , revision = null, created = null, value = null] = row ?? []
      const entry = revision === null ? undefined : entryOf([revision, Buffer.from(key), created, value])
      return { entry, revision: at ?? head.revision }
    },
    list: (session, range, options) => list(sql, session, range, options),
    log: (session, range, span) => readLog(sql, session, range, span),
    async replay(session, range, span) {
      const { events, upTo } = await readLog(sql, session, range, span)
      return { events, revision: upTo }
    },
    async due(session) {
      const rows = await session.query(sql.due, [dueKeysMax])
      const keys = rows.flatMap(([key, revision]) =>
        key instanceof Uint8Array ? [{ key: textOf(key), revision: Number(revision) }] : [],
      )
      const next = rows[0]?.[2]
      return { keys, nextMs: typeof next === 'number' ? next : undefined }
    },
    async stamp(session, revision) {
      const [row] = await session.query(sql.stamp, [revision])
      return row ? String(row[0]) : undefined
    },
  }
}

type Statements = ReturnType<typeof statements>

async function list(sql: Statements, session: Session, range: Range, options: ListOptions): Promise<Page> {
  const first = await listChunk(sql, session, range, options)
  if (first.isWhole) return first.page
  // The rest must come from the same state even if that is compacted away meanwhile, by any replica.
  await session.script('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    const page = await listRest(sql, session, range, { options, first: first.page })
    await session.script('COMMIT')
    return page
  } catch (error) {
    if (!session.isLost) await session.script('ROLLBACK')
    throw error
  }
}

interface ListChunk {
  readonly page: Page
  /** It need not go on: the range or the limit ends here. */
  readonly isWhole: boolean
}

async function listRest(
  sql: Statements,
  session: Session,
  range: Range,
  { options, first }: { readonly options: ListOptions; readonly first: Page },
): Promise<Page> {
  const { limit = Infinity } = options
  const entries = [...first.entries]
  let at = first.revision
  for (;;) {
    const { compacted, revision } = headOf((await session.query(sql.head))[0])
    if (at < compacted && options.at === undefined) {
      // Compacted between the first chunk and this snapshot, in which nothing more can happen: begin anew.
      entries.length = 0
      at = revision
    }
    const last = entries.at(-1)
    const rest = last ? { prefix: range.prefix, after: last.key } : range
    const chunk = await listChunk(sql, session, rest, { at, limit: limit - entries.length })
    entries.push(...chunk.page.entries)
    if (chunk.isWhole) return { ...chunk.page, entries }
  }
}

async function listChunk(
  sql: Statements,
  session: Session,
  range: Range,
  { limit = Infinity, at }: ListOptions,
): Promise<ListChunk> {
  const entriesMax = Math.min(limit, chunkEntriesMax)
  const isCounted = limit <= chunkEntriesMax ? 1 : 0
  const bounds = boundsOf(range)
  const rows = await session.query(at === undefined ? sql.listNow : sql.listAt, [
    ...bounds,
    entriesMax,
    chunkBytesMax,
    isCounted,
    ...(at === undefined ? [] : [at]),
  ])
  const head = headOf(rows[0])
  if (at !== undefined) checkRevision(at, head.compacted, head.revision)
  const entries = rows.flatMap(([, , , key, revision, created, value]) =>
    key instanceof Uint8Array ? [entryOf([revision ?? null, key, created ?? null, value ?? null])] : [],
  )
  // `found` is how many there were before the bound on bytes, one more than asked for if there are more.
  const [, , total, , , , , found] = rows[0] ?? []
  const more = Number(found ?? 0) > entries.length
  const remaining = more && isCounted ? Number(total) - entries.length : 0
  return {
    page: { entries, revision: at ?? head.revision, more, remaining },
    isWhole: !more || entries.length >= limit,
  }
}

async function readLog(
  sql: Statements,
  session: Session,
  range: Range,
  { from, to }: { readonly from: Revision; readonly to: Revision },
): Promise<LogChunk> {
  const rows = await session.query(sql.log, [
    ...boundsOf(range),
    from,
    Math.min(to, from + replayRevisionsMax),
    chunkBytesMax,
  ])
  const head = headOf(rows[0])
  if (from < head.compacted) throw compactedError(from, head.compacted)
  const events = rows.flatMap((row) => (typeof row[3] === 'number' ? [eventOf(row)] : []))
  // `found` is how many there were before the bound on bytes.
  const isCut = Number(rows[0]?.[2] ?? 0) > events.length
  const last = events.at(-1)?.revision ?? from
  return {
    ...head,
    events,
    upTo: isCut ? last : Math.min(to, from + replayRevisionsMax, head.revision),
    stamp: String(rows.at(-1)?.[9] ?? ''),
    fromStamp: stampOf(rows[0]?.[10]),
  }
}

const stampOf = (cell: Cell | undefined): string | undefined =>
  cell === undefined || cell === null ? undefined : String(cell)

const headOf = (row: Row | undefined): Head => {
  if (typeof row?.[1] !== 'number') throw badRowError('the table meta has no row "compacted"')
  return { revision: Number(row[0]), compacted: row[1] }
}

function entryOf([revision, key, created, value]: readonly [Cell, Uint8Array, Cell, Cell]): Entry {
  const name = textOf(key)
  if (!(value instanceof Uint8Array)) throw badRowError(`the log has no value for the key "${name}"`)
  return { key: name, value, revision: Number(revision), createRevision: Number(created) }
}

function eventOf([, , , revision, code, created, key, value, previous]: Row): StoreEvent {
  const type = writeTypes[Number(code)]
  if (!type || !(key instanceof Uint8Array && value instanceof Uint8Array)) {
    throw badRowError(`the log's revision ${String(revision)} can't be read`)
  }
  const replaced = previous instanceof Uint8Array ? previous : undefined
  if (type !== 'create' && !replaced)
    throw badRowError(`the log has lost what revision ${String(revision)} replaced`)
  return {
    type,
    key: textOf(key),
    value: type === 'delete' ? (replaced ?? value) : value,
    previous: replaced,
    revision: Number(revision),
    createRevision: Number(created),
  }
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** The first key of a range, and the first one after it. No UTF-8 has the byte 0xFF, and nothing lies between a key and that key with a 0 behind it. */
function boundsOf({ prefix, after }: Range): [Buffer, Buffer] {
  const end = prefixEnd(prefix)
  const from = after === undefined || compareKeys(after, prefix) < 0 ? prefix : `${after}\0`
  return [Buffer.from(from), end === undefined ? Buffer.from([0xff]) : Buffer.from(end)]
}

function statements(schema: string) {
  const [log, live, past, meta] = ['log', 'live', 'past', 'meta'].map((table) => `"${schema}".${table}`)
  const head = `(SELECT coalesce((SELECT max(revision) FROM ${log}), 0) AS revision,
    (SELECT value FROM ${meta} WHERE name = 'compacted') AS compacted) h`
  const inRange = 'key >= $1 AND key < $2'
  const keysNow = `SELECT key, revision FROM ${live} WHERE ${inRange}`
  const keysAt = (limit: string) => `
    (SELECT key, revision FROM ${live} WHERE ${inRange} AND revision <= $6 ${limit})
    UNION ALL
    (SELECT key, revision FROM ${past} WHERE ${inRange} AND revision <= $6 AND until > $6 ${limit})`
  const limit = 'ORDER BY key LIMIT $3 + 1'
  /** `keys` gives one more than asked for, which is dropped here, as is what goes beyond the bound on bytes; the first row always comes. */
  const page = (keys: string, counted: string) => `
    SELECT h.revision, h.compacted, CASE WHEN $5 = 1 THEN (SELECT count(*) FROM (${counted}) c) END,
      p.key, p.revision, p.create_revision, p.value, p.found
    FROM ${head} LEFT JOIN (
      SELECT k.key, k.revision, g.create_revision, g.value, count(*) OVER () AS found,
        row_number() OVER (ORDER BY k.key) AS place,
        sum(octet_length(g.value)) OVER (ORDER BY k.key) - octet_length(g.value) AS before
      FROM (${keys}) k LEFT JOIN ${log} g ON g.revision = k.revision
    ) p ON p.place <= $3 AND coalesce(p.before, 0) < $4
    ORDER BY p.key`
  const statement = (name: string, text: string): Statement => ({ name, text })
  return {
    head: statement('head', `SELECT h.revision, h.compacted FROM ${head}`),
    getNow: statement(
      'get_now',
      `SELECT h.revision, h.compacted, v.revision, g.create_revision, g.value FROM ${head}
        LEFT JOIN ${live} v ON v.key = $1 LEFT JOIN ${log} g ON g.revision = v.revision`,
    ),
    getAt: statement(
      'get_at',
      `SELECT h.revision, h.compacted, v.revision, g.create_revision, g.value FROM ${head}
        LEFT JOIN LATERAL (
          SELECT revision FROM ${live} WHERE key = $1 AND revision <= $2
          UNION ALL
          SELECT revision FROM (
            SELECT revision FROM ${past} WHERE key = $1 AND until > $2 ORDER BY until LIMIT 1
          ) f WHERE revision <= $2
        ) v ON true LEFT JOIN ${log} g ON g.revision = v.revision`,
    ),
    listNow: statement('list_now', page(`${keysNow} ${limit}`, keysNow)),
    listAt: statement('list_at', page(`SELECT key, revision FROM (${keysAt(limit)}) k ${limit}`, keysAt(''))),
    log: statement(
      'log',
      `SELECT h.revision, h.compacted, e.found, e.revision, e.type, e.create_revision, e.key, e.value, e.previous, e.stamp,
          (SELECT stamp FROM ${log} WHERE revision = $3)
        FROM ${head} LEFT JOIN (
          SELECT l.revision, l.type, l.create_revision, l.key, l.value, p.value AS previous, l.stamp,
            count(*) OVER () AS found,
            sum(octet_length(l.value) + coalesce(octet_length(p.value), 0)) OVER (ORDER BY l.revision)
              - octet_length(l.value) - coalesce(octet_length(p.value), 0) AS before
          FROM ${log} l LEFT JOIN ${log} p ON p.revision = l.previous
          WHERE l.key >= $1 AND l.key < $2 AND l.revision > $3 AND l.revision <= $4
        ) e ON e.before < $5
        ORDER BY e.revision`,
    ),
    stamp: statement('stamp', `SELECT stamp::text FROM ${log} WHERE revision = $1`),
    due: statement(
      'due',
      `SELECT d.key, d.revision, n.next FROM (
          SELECT min(due_ms) - ${nowMs} AS next FROM ${live} WHERE due_ms > ${nowMs}
        ) n LEFT JOIN (
          SELECT key, revision FROM ${live} WHERE due_ms <= ${nowMs} ORDER BY due_ms LIMIT $1
        ) d ON true`,
    ),
  }
}
