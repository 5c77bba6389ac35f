import { conflictError, existsError, missingError } from '../errors.ts'
import { StoreError, type Revision, type StoreEvent } from '../store.ts'
import { changeLive, inTransaction, isCorrupt, logRow, type Engine } from './engine.ts'
import { eventOf } from './read.ts'
import { numberIn, sumOf, writeTypes, type LogRow, type WriteType } from './rows.ts'
import { corruptValueError } from './sqlite-errors.ts'
import { liveHash, minus, pastHash, plus } from './state.ts'

export interface PendingWrite {
  readonly type: WriteType
  readonly key: string
  /** Owned by the store; empty for a delete. */
  readonly value: Uint8Array
  /** The revision that the key must have. Undefined: any. */
  readonly expected: Revision | undefined
  /** When the key expires; undefined: never. */
  readonly dueMs: number | undefined
}

export interface Written {
  readonly event: StoreEvent
  /** The revision that the write replaced; 0 for a create. */
  readonly previousRevision: Revision
}

/**
 * A group commit: all writes in one transaction. For each, in order, what came of it: one that is refused takes no
 * revision and harms no other.
 */
export const writeGroup = (engine: Engine, writes: readonly PendingWrite[]): (Written | StoreError)[] =>
  inTransaction(engine, () => writes.map((write) => writers[write.type](engine, write)))

const writers = { create, update, delete: remove }

function create(engine: Engine, write: PendingWrite): Written | StoreError {
  const { key, value, dueMs = null } = write
  const revision = engine.state.revision + 1
  if (Number(engine.sql.addLive.run(key, revision, dueMs).changes) === 0) return existsError(key)
  changeLive(engine, key, (live) => plus(live, liveHash(key, revision, dueMs)))
  return appendLog(engine, undefined, {
    revision,
    type: writeTypes.indexOf('create'),
    previous: 0,
    createRevision: revision,
    key,
    value,
  })
}

function update(engine: Engine, write: PendingWrite): Written | StoreError {
  const match = findMatch(engine, write)
  if (match instanceof StoreError) return match
  const { key, value, dueMs = null } = write
  const revision = retire(engine, match)
  engine.sql.setLive.run(revision, dueMs, key)
  changeLive(engine, key, (live) => plus(live, liveHash(key, revision, dueMs)))
  return appendLog(engine, match.replaced, {
    revision,
    type: writeTypes.indexOf('update'),
    previous: match.replaced.revision,
    createRevision: match.replaced.createRevision,
    key,
    value,
  })
}

function remove(engine: Engine, write: PendingWrite): Written | StoreError {
  const match = findMatch(engine, write)
  if (match instanceof StoreError) return match
  const { key, value } = write
  const revision = retire(engine, match)
  engine.sql.dropLive.run(key)
  return appendLog(engine, match.replaced, {
    revision,
    type: writeTypes.indexOf('delete'),
    previous: match.replaced.revision,
    createRevision: match.replaced.createRevision,
    key,
    value,
  })
}

interface Match {
  readonly replaced: LogRow
  readonly dueMs: number | null
}

/** The version that the write replaces, or why it is refused. */
function findMatch(engine: Engine, { key, expected }: PendingWrite): Match | StoreError {
  const live = engine.sql.getLive.get(key)
  if (!live) return missingError(key)
  const present = numberIn(live, 'revision', engine.file)
  if (expected !== undefined && present !== expected) return conflictError(key, expected, present)
  try {
    const dueMs = live['due_ms'] === null ? null : numberIn(live, 'due_ms', engine.file)
    return { replaced: logRow(engine, key, present), dueMs }
  } catch (error) {
    if (isCorrupt(error)) return corruptValueError(engine.file, key) // the other writes of the group have no part in it
    throw error
  }
}

/** The version that was current until now is past; the revision of the one that follows. */
function retire(engine: Engine, { replaced, dueMs }: Match): Revision {
  const { sql, state } = engine
  const { key } = replaced
  const revision = state.revision + 1
  sql.addPast.run(key, revision, replaced.revision)
  changeLive(engine, key, (live) => minus(live, liveHash(key, replaced.revision, dueMs)))
  state.past = plus(state.past, pastHash(key, revision, replaced.revision))
  return revision
}

function appendLog(engine: Engine, replaced: LogRow | undefined, row: LogRow): Written {
  const { revision, type, previous, createRevision, key, value } = row
  engine.sql.addLog.run(revision, type, previous, createRevision, sumOf(row), key, value)
  engine.state.revision = revision
  return { event: eventOf(row, replaced?.value), previousRevision: previous }
}
