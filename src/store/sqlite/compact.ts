import type { Revision } from '../store.ts'
import { inTransaction, type Engine } from './engine.ts'
import { numberIn, textIn, verified, writeTypes } from './rows.ts'
import { corruptValueError } from './sqlite-errors.ts'
import { minus, pastHash } from './state.ts'

// Everything waits for a chunk, which takes some milliseconds: finding what may go costs less than letting it go.
const chunkRevisionsMax = 1_000
const chunkRowsMax = 250
const vacuumPagesMax = 128
/** Free pages stay in the file for the next writes, up to this many or a quarter of the file. */
const freePagesMax = 1_024

const deleteType = writeTypes.indexOf('delete')

/** One bounded step of forgetting history before `before`, and of giving free pages back to the file system. True when it was the last. */
export function compact(engine: Engine, before: Revision): boolean {
  const to = Math.min(before, engine.state.compacted + chunkRevisionsMax)
  if (to > engine.state.compacted) {
    inTransaction(engine, () => forgetUpTo(engine, to))
    return false
  }
  return !giveBack(engine)
}

function forgetUpTo(engine: Engine, to: Revision): void {
  const { sql, state, file } = engine
  const { rows, reached } = nextRows(engine, to)
  for (const { revision, type, previous, key } of rows) {
    if (previous > 0) {
      sql.dropLog.run(previous)
      if (Number(sql.dropPast.run(key, revision, previous).changes) === 0) throw corruptValueError(file, key)
      state.past = minus(state.past, pastHash(key, revision, previous))
    }
    if (type === deleteType) sql.dropLog.run(revision)
  }
  state.compacted = reached
}

interface Head {
  readonly revision: Revision
  readonly type: number
  readonly previous: Revision
  readonly key: string
}

/** Checked before anything goes by them: a damaged row must not take a sound one along. Read first, for rows must not go under a cursor. */
function nextRows({ sql, state, file }: Engine, to: Revision): { rows: Head[]; reached: Revision } {
  const rows: Head[] = []
  let forgotten = 0
  for (const found of sql.spanLog.iterate(state.compacted, to)) {
    const row = verified(found, textIn(found, 'key', file), numberIn(found, 'revision', file), file)
    if (row.previous > 0 && forgotten++ === chunkRowsMax)
      return { rows, reached: rows.at(-1)?.revision ?? state.compacted }
    rows.push({ revision: row.revision, type: row.type, previous: row.previous, key: row.key })
  }
  return { rows, reached: to }
}

/** Leaves out revisions where nothing is there that could show the gap. False: the store holds something, and nothing was done. */
export function skip(engine: Engine, to: Revision): boolean {
  const { sql, state } = engine
  const last = sql.lastLog.get()?.['revision']
  if (state.live.count + state.past.count > 0 || typeof last === 'number') return false
  if (to <= state.revision) return true
  inTransaction(engine, () => {
    state.revision = to
    state.compacted = to
  })
  return true
}

/** True when there may be more to give back. */
function giveBack(engine: Engine): boolean {
  const { db, sql } = engine
  const free = Number(sql.freePages.get()?.['freelist_count'])
  const pages = Number(sql.pages.get()?.['page_count'])
  if (free <= Math.max(freePagesMax, pages / 4)) return false
  engine.isUnsynced = true
  db.exec(`PRAGMA incremental_vacuum(${vacuumPagesMax})`)
  return Number(sql.freePages.get()?.['freelist_count']) < free
}
