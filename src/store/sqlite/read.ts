import type { SQLInputValue } from 'node:sqlite'

import { compareKeys, isInRange, prefixEnd } from '../keys.ts'
import type { Entry, Range, Read, Revision, StoreEvent, WatchBatch } from '../store.ts'
import { logRow, type Engine } from './engine.ts'
import { numberIn, textIn, verified, writeTypes, type LogRow } from './rows.ts'
import { corruptError } from './sqlite-errors.ts'

// A chunk is a stretch in which nothing else happens in this process: some milliseconds.
const chunkEntriesMax = 500
const chunkBytesMax = 1024 * 1024
const replayRevisionsMax = 1_000
const dueKeysMax = 500

const afterAllText = new Uint8Array() // SQLite orders every blob after every text

export function get(engine: Engine, key: string, at: Revision = engine.state.revision): Read {
  const revision = versionAt(engine, key, at)
  const entry = revision === undefined ? undefined : entryOf(logRow(engine, key, revision))
  return { entry, revision: at }
}

export interface ListArgs {
  readonly prefix: string
  readonly after: string | undefined
  readonly at: Revision | undefined
  /** A chunk ends here or at its own bound, whichever comes first. */
  readonly limit: number
  /** Count what is left when `limit` cuts the list. */
  readonly isCounted: boolean
}

export interface ListChunk {
  readonly revision: Revision
  readonly entries: readonly Entry[]
  readonly more: boolean
  readonly remaining: number
}

export function list(engine: Engine, args: ListArgs): ListChunk {
  const { limit, isCounted } = args
  const revision = args.at ?? engine.state.revision
  const isNow = revision === engine.state.revision
  const select = isNow ? engine.sql.listNow : engine.sql.listAt
  const entries: Entry[] = []
  const entriesMax = Math.min(limit, chunkEntriesMax)
  let bytes = 0
  let more = false
  for (const found of select.iterate(...bindRange(args), ...(isNow ? [] : [revision]))) {
    more = entries.length >= entriesMax || (entries.length > 0 && bytes >= chunkBytesMax)
    if (more) break
    const row = logRow(engine, textIn(found, 'key', engine.file), numberIn(found, 'revision', engine.file))
    bytes += row.value.byteLength
    entries.push(entryOf(row))
  }
  const last = entries.at(-1)
  const isCut = more && isCounted && entries.length >= limit && last !== undefined
  const remaining = isCut ? countAfter(engine, args.prefix, last.key, isNow ? undefined : revision) : 0
  return { revision, entries, more, remaining }
}

/** The events of a range, from the log: everything up to the batch's revision, which may be short of `to`. Most of a stretch of revisions may lie outside the range. */
export function replay(engine: Engine, range: Range, from: Revision, until: Revision): WatchBatch {
  const to = Math.min(until, from + replayRevisionsMax)
  const events: StoreEvent[] = []
  let seen = from
  let bytes = 0
  for (const found of engine.sql.spanLog.iterate(from, to)) {
    const revision = numberIn(found, 'revision', engine.file)
    if (revision !== seen + 1) throw corruptError(engine.file, `the log has no revision ${seen + 1}`)
    seen = revision
    const key = textIn(found, 'key', engine.file)
    const row = verified(found, key, revision, engine.file) // of other ranges too: a damaged key may belong to this one
    if (!isInRange(key, range)) continue
    const previous = row.previous === 0 ? undefined : logRow(engine, key, row.previous).value
    events.push(eventOf(row, previous))
    bytes += row.value.byteLength + (previous?.byteLength ?? 0)
    if (bytes >= chunkBytesMax) break
  }
  if (seen < to && bytes < chunkBytesMax)
    throw corruptError(engine.file, `the log has no revision ${seen + 1}`)
  return { events, revision: seen }
}

export interface Due {
  readonly keys: readonly { readonly key: string; readonly revision: Revision }[]
  /** When the first key that is not yet due expires. */
  readonly nextDueMs: number | undefined
}

export function due(engine: Engine, nowMs: number): Due {
  const keys = engine.sql.due.all(nowMs, dueKeysMax).map((row) => ({
    key: textIn(row, 'key', engine.file),
    revision: numberIn(row, 'revision', engine.file),
  }))
  return { keys, nextDueMs: keys.length === dueKeysMax ? nowMs : nextDue(engine, nowMs) }
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

const entryOf = ({ key, value, revision, createRevision }: LogRow): Entry => ({
  key,
  value,
  revision,
  createRevision,
})

/** `previous`: the value that the row replaced. */
export function eventOf(row: LogRow, previous: Uint8Array | undefined): StoreEvent {
  const type = writeTypes[row.type] ?? 'update'
  const { key, revision, createRevision } = row
  return {
    type,
    key,
    value: type === 'delete' ? (previous ?? row.value) : row.value,
    previous: type === 'create' ? undefined : previous,
    revision,
    createRevision,
  }
}
