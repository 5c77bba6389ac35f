import type { Revision } from '../store.ts'
import { changeLive, inTransaction, isCorrupt, logRow, type Engine } from './engine.ts'
import { pack, peek } from './packed.ts'
import { anyRevision, writeTypes, type WriteBatch, type WriteOutcome, type WriteResults } from './protocol.ts'
import { numberIn, sumOf, type LogRow } from './rows.ts'
import { liveHash, minus, pastHash, plus } from './state.ts'

interface Write {
  readonly key: string
  readonly value: Uint8Array
  readonly expected: Revision
  readonly dueMs: number | null
}

interface Written {
  readonly outcome: WriteOutcome
  readonly revision: Revision
  readonly createRevision: Revision
  readonly replaced: LogRow | undefined
}

/** A group commit: all of the batch in one transaction. A write that is refused takes no revision and harms no other. */
export function writeGroup(engine: Engine, batch: WriteBatch): WriteResults {
  const written = inTransaction(engine, () =>
    batch.types.map((type, i) => {
      const dueMs = batch.dueMs[i] ?? 0
      return writes[type](engine, {
        key: batch.keys[i] ?? '',
        value: peek(batch.values, i),
        expected: batch.expected[i] ?? anyRevision,
        dueMs: dueMs === 0 ? null : dueMs,
      })
    }),
  )
  return {
    outcomes: written.map(({ outcome }) => outcome),
    revisions: Float64Array.from(written, ({ revision }) => revision),
    createRevisions: Float64Array.from(written, ({ createRevision }) => createRevision),
    previousRevisions: Float64Array.from(written, ({ replaced }) => replaced?.revision ?? 0),
    previous: pack(written.map(({ replaced }) => replaced?.value)),
  }
}

const writes = { create, update, delete: remove }

function create(engine: Engine, { key, value, dueMs }: Write): Written {
  const revision = engine.state.revision + 1
  if (Number(engine.sql.addLive.run(key, revision, dueMs).changes) === 0) return refused('exists')
  changeLive(engine, key, (live) => plus(live, liveHash(key, revision, dueMs)))
  appendLog(engine, {
    revision,
    type: writeTypes.indexOf('create'),
    previous: 0,
    createRevision: revision,
    key,
    value,
  })
  return { outcome: 'ok', revision, createRevision: revision, replaced: undefined }
}

function update(engine: Engine, write: Write): Written {
  const match = findMatch(engine, write)
  if ('outcome' in match) return match
  const { replaced } = match
  const { key, value, dueMs } = write
  const { createRevision } = replaced
  const revision = engine.state.revision + 1
  retire(engine, match, revision)
  engine.sql.setLive.run(revision, dueMs, key)
  changeLive(engine, key, (live) => plus(live, liveHash(key, revision, dueMs)))
  appendLog(engine, {
    revision,
    type: writeTypes.indexOf('update'),
    previous: replaced.revision,
    createRevision,
    key,
    value,
  })
  return { outcome: 'ok', revision, createRevision, replaced }
}

function remove(engine: Engine, write: Write): Written {
  const match = findMatch(engine, write)
  if ('outcome' in match) return match
  const { replaced } = match
  const { key } = write
  const { createRevision } = replaced
  const revision = engine.state.revision + 1
  retire(engine, match, revision)
  engine.sql.dropLive.run(key)
  const value = new Uint8Array()
  appendLog(engine, {
    revision,
    type: writeTypes.indexOf('delete'),
    previous: replaced.revision,
    createRevision,
    key,
    value,
  })
  return { outcome: 'ok', revision, createRevision, replaced }
}

interface Match {
  readonly replaced: LogRow
  readonly dueMs: number | null
}

/** The version that the write replaces, or why it is refused. */
function findMatch(engine: Engine, { key, expected }: Write): Match | Written {
  const live = engine.sql.getLive.get(key)
  if (!live) return refused('missing')
  const present = numberIn(live, 'revision', engine.file)
  if (expected !== anyRevision && present !== expected) return refused('conflict', present)
  try {
    const dueMs = live['due_ms'] === null ? null : numberIn(live, 'due_ms', engine.file)
    return { replaced: logRow(engine, key, present), dueMs }
  } catch (error) {
    if (isCorrupt(error)) return refused('corrupt') // the other writes of the group have no part in it
    throw error
  }
}

/** The version that was current until `revision` is past. */
function retire(engine: Engine, { replaced, dueMs }: Match, revision: Revision): void {
  const { sql, state } = engine
  const { key } = replaced
  sql.addPast.run(key, revision, replaced.revision)
  changeLive(engine, key, (live) => minus(live, liveHash(key, replaced.revision, dueMs)))
  state.past = plus(state.past, pastHash(key, revision, replaced.revision))
}

function appendLog(engine: Engine, row: LogRow): void {
  const { revision, type, previous, createRevision, key, value } = row
  engine.sql.addLog.run(revision, type, previous, createRevision, sumOf(row), key, value)
  engine.state.revision = revision
}

const refused = (outcome: WriteOutcome, revision: Revision = 0): Written => ({
  outcome,
  revision,
  createRevision: 0,
  replaced: undefined,
})
