import { inTransaction, setMeta, type Engine } from './engine.ts'
import { writeTypes, type CompactArgs, type Compacted } from './protocol.ts'
import { numberIn, textIn } from './rows.ts'

// Writes wait for a chunk, which takes some 10 ms: finding what may go costs less than letting it go.
const chunkRevisionsMax = 2_000
const chunkRowsMax = 500
const vacuumPagesMax = 512
/** Free pages stay in the file for the next writes, up to this many or a quarter of the file. */
const freePagesMax = 1_024

const deleteType = writeTypes.indexOf('delete')

/** One bounded step of forgetting history before `before`, and of giving free pages back to the file system. */
export function compact(engine: Engine, { before }: CompactArgs): Compacted {
  const to = Math.min(before, engine.compacted + chunkRevisionsMax)
  if (to > engine.compacted) {
    inTransaction(engine, () => forgetUpTo(engine, to))
    return { compacted: engine.compacted, isDone: false }
  }
  return { compacted: engine.compacted, isDone: !giveBack(engine) }
}

function forgetUpTo(engine: Engine, to: number): void {
  const { sql, file } = engine
  let forgotten = 0
  for (const row of sql.headOfLog.all(engine.compacted, to)) {
    if (forgotten >= chunkRowsMax) break
    const revision = numberIn(row, 'revision', file)
    const previous = numberIn(row, 'previous', file)
    if (previous > 0) {
      sql.dropLog.run(previous)
      sql.dropPast.run(textIn(row, 'key', file), revision)
      forgotten++
    }
    if (row['type'] === deleteType) sql.dropLog.run(revision)
    engine.compacted = revision
  }
  setMeta(engine, 'compacted', engine.compacted)
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
