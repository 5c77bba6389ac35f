import type { SQLInputValue } from 'node:sqlite'

import { compareKeys, isInRange, prefixEnd } from '../keys.ts'
import type { Range, Revision } from '../store.ts'
import { logRow, type Engine } from './engine.ts'
import { pack } from './packed.ts'
import {
  writeTypes,
  type Due,
  type DueArgs,
  type Found,
  type GetArgs,
  type ListArgs,
  type ListChunk,
  type PackedEntries,
  type ReplayArgs,
  type ReplayChunk,
} from './protocol.ts'
import { numberIn, textIn, verified, type LogRow } from './rows.ts'
import { corruptError } from './sqlite-errors.ts'

// A chunk is one message and one stretch in which no write can be committed: some milliseconds.
const chunkEntriesMax = 1_000
const chunkBytesMax = 1024 * 1024
const replayRevisionsMax = 2_000
const dueKeysMax = 500

const afterAllText = new Uint8Array() // SQLite orders every blob after every text

export function get(engine: Engine, { key, at }: GetArgs): Found {
  const asked = at ?? engine.state.revision
  const revision = versionAt(engine, key, asked)
  return {
    revision: asked,
    entries: packEntries(revision === undefined ? [] : [logRow(engine, key, revision)]),
  }
}

export function list(engine: Engine, args: ListArgs): ListChunk {
  const { limit, isCounted } = args
  const revision = args.at ?? engine.state.revision
  const isNow = revision === engine.state.revision
  const select = isNow ? engine.sql.listNow : engine.sql.listAt
  const rows: LogRow[] = []
  const entriesMax = Math.min(limit, chunkEntriesMax)
  let bytes = 0
  let more = false
  for (const found of select.iterate(...bindRange(args), ...(isNow ? [] : [revision]))) {
    more = rows.length >= entriesMax || (rows.length > 0 && bytes >= chunkBytesMax)
    if (more) break
    const row = logRow(engine, textIn(found, 'key', engine.file), numberIn(found, 'revision', engine.file))
    bytes += row.value.byteLength
    rows.push(row)
  }
  const last = rows.at(-1)
  const isCut = more && isCounted && rows.length >= limit && last !== undefined
  const remaining = isCut ? countAfter(engine, args.prefix, last.key, isNow ? undefined : revision) : 0
  return { revision, entries: packEntries(rows), more, remaining }
}

/** The events of a range, from the log. Each chunk is a stretch of revisions, most of which may lie outside the range. */
export function replay(engine: Engine, args: ReplayArgs): ReplayChunk {
  const to = Math.min(args.to, args.from + replayRevisionsMax)
  const range: Range =
    args.after === undefined ? { prefix: args.prefix } : { prefix: args.prefix, after: args.after }
  const rows: LogRow[] = []
  const previous: (Uint8Array | undefined)[] = []
  let seen = args.from
  let bytes = 0
  for (const found of engine.sql.spanLog.iterate(args.from, to)) {
    const revision = numberIn(found, 'revision', engine.file)
    if (revision !== seen + 1) throw corruptError(engine.file, `the log has no revision ${seen + 1}`)
    seen = revision
    const key = textIn(found, 'key', engine.file)
    const row = verified(found, key, revision, engine.file) // of other ranges too: a damaged key may belong to this one
    if (!isInRange(key, range)) continue
    const replaced = row.previous === 0 ? undefined : logRow(engine, key, row.previous).value
    rows.push(row)
    previous.push(replaced)
    bytes += row.value.byteLength + (replaced?.byteLength ?? 0)
    if (bytes >= chunkBytesMax) break
  }
  if (seen < to && bytes < chunkBytesMax)
    throw corruptError(engine.file, `the log has no revision ${seen + 1}`)
  return {
    revision: seen,
    types: rows.map(({ type }) => writeTypes[type] ?? 'update'),
    entries: packEntries(rows),
    previous: pack(previous),
  }
}

export function due(engine: Engine, { nowMs }: DueArgs): Due {
  const found = engine.sql.due.all(nowMs, dueKeysMax)
  return {
    keys: found.map((row) => textIn(row, 'key', engine.file)),
    revisions: Float64Array.from(found, (row) => numberIn(row, 'revision', engine.file)),
    nextDueMs: found.length === dueKeysMax ? nowMs : nextDue(engine, nowMs),
  }
}

export function nextDue(engine: Engine, afterMs: number): number | undefined {
  const next = engine.sql.nextDue.get(afterMs)?.['due_ms']
  return typeof next === 'number' ? next : undefined
}

/** Which version of the key was current at `at`; undefined: it did not exist. */
function versionAt(engine: Engine, key: string, at: Revision): Revision | undefined {
  const live = engine.sql.getLive.get(key)
  const revision = live ? numberIn(live, 'revision', engine.file) : undefined
  if (revision !== undefined && revision <= at) return revision
  const past = engine.sql.getPast.get(key, at, at)
  return past ? numberIn(past, 'revision', engine.file) : undefined
}

function countAfter(engine: Engine, prefix: string, after: string, at: Revision | undefined): number {
  const bounds = bindRange({ prefix, after })
  const row = at === undefined ? engine.sql.countNow.get(...bounds) : engine.sql.countAt.get(...bounds, at)
  return Number(row?.['count'])
}

/** `key > a AND key >= b AND key < c`: the three bounds of a range. */
function bindRange({ prefix, after }: { prefix: string; after?: string | undefined }): SQLInputValue[] {
  const isAfter = after !== undefined && compareKeys(after, prefix) >= 0
  return [isAfter ? after : '', prefix, prefixEnd(prefix) ?? afterAllText]
}

const packEntries = (rows: readonly LogRow[]): PackedEntries => ({
  keys: rows.map(({ key }) => key),
  revisions: Float64Array.from(rows, ({ revision }) => revision),
  createRevisions: Float64Array.from(rows, ({ createRevision }) => createRevision),
  values: pack(rows.map(({ value }) => value)),
})
