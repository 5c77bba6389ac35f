import { logRow, type Engine } from './engine.ts'
import { numberIn, textIn } from './rows.ts'
import { corruptError } from './sqlite-errors.ts'
import { isSameDigest, liveHash, noRows, plus } from './state.ts'

// A stretch in which nothing else happens in this process: a millisecond or two.
const stepRowsMax = 128
const stepBytesMax = 512 * 1024

/** One step; true when it was the last. Reads each row's value, too. Throws `corrupt`: then the scrub is over. */
export function scrub(engine: Engine, isFirst: boolean): boolean {
  if (isFirst) engine.scrub = { after: '', live: noRows }
  const { file, sql, state } = engine
  const under = engine.scrub
  if (!under) return true // a transaction failed: the next scrub begins afresh
  engine.scrub = undefined
  let rows = 0
  let bytes = 0
  for (const row of sql.scrubLive.iterate(under.after)) {
    if (rows++ === stepRowsMax || bytes > stepBytesMax) {
      engine.scrub = under
      return false
    }
    const key = textIn(row, 'key', file)
    const revision = numberIn(row, 'revision', file)
    const dueMs = row['due_ms'] === null ? null : numberIn(row, 'due_ms', file)
    bytes += logRow(engine, key, revision).value.byteLength
    under.live = plus(under.live, liveHash(key, revision, dueMs))
    under.after = key
  }
  if (!isSameDigest(under.live, state.live))
    throw corruptError(
      file,
      `its table "live" should have ${state.live.count} rows, and has others or ${under.live.count}`,
    )
  return true
}
