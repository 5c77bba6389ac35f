import { inTransaction, setMeta, type Engine } from './engine.ts'
import type { CompactArgs, Compacted } from './protocol.ts'
import { numberIn, textIn } from './rows.ts'
import { writeTypes } from './protocol.ts'

// Writes wait for a chunk: it takes some 10 ms.
const chunkRevisionsMax = 500
const vacuumPagesMax = 512
/** Free pages stay in the file for the next writes, up to this many or a quarter of the file. */
const freePagesMax = 1_024

const deleteType = writeTypes.indexOf('delete')

/** One bounded step of forgetting history before `before`, and of giving free pages back to the file system. */
export function compact(engine: Engine, { before }: CompactArgs): Compacted {
  const to = Math.min(before, engine.compacted + chunkRevisionsMax)
  if (to > engine.compacted) {
    inTransaction(engine, () => forget(engine, to))
    return { compacted: engine.compacted, isDone: false }
  }
  return { compacted: engine.compacted, isDone: !giveBack(engine) }
}

function forget(engine: Engine, to: number): void {
  const { sql, file } = engine
  for (const row of sql.headOfLog.all(engine.compacted, to)) {
    const revision = numberIn(row, 'revision', file)
    const previous = numberIn(row, 'previous', file)
    if (previous > 0) {
      sql.dropLog.run(previous)
      sql.dropPast.run(textIn(row, 'key', file), revision)
    }
    if (row['type'] === deleteType) sql.dropLog.run(revision)
  }
  engine.compacted = to
  setMeta(engine, 'compacted', to)
  setMeta(engine, 'revision', engine.revision)
}

/** True when there may be more to give back. */
function giveBack({ db, sql }: Engine): boolean {
  const free = Number(sql.freePages.get()?.['freelist_count'])
  const pages = Number(sql.pages.get()?.['page_count'])
  if (free <= Math.max(freePagesMax, pages / 4)) return false
  db.exec(`PRAGMA incremental_vacuum(${vacuumPagesMax})`)
  return Number(sql.freePages.get()?.['freelist_count']) < free
}
