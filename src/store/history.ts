import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Revision } from './store.ts'

export interface HistoryLimits {
  /** How long old revisions stay readable: a client that pages or re-watches within this time needs no fresh list. */
  readonly historyMs: number
  /** How many old revisions are kept at most, however young: bounds the file under a storm of writes. */
  readonly historyRevisionsMax: number
}

export const historyDefaults: HistoryLimits = { historyMs: 5 * 60_000, historyRevisionsMax: 100_000 }

const marksPerHistory = 10 // history is cut in steps of a tenth of `historyMs`
const slack = 1.25 // over `historyRevisionsMax` before it is cut: few big cuts cost less than many small ones

/** Compacts a store by itself, within `HistoryLimits`. */
export interface History extends Disposable {
  /** Tells that the store has a new revision. */
  note(): void
}

export interface HistoryOptions extends HistoryLimits {
  readonly clock: Clock
  readonly logger: Logger
  readonly current: () => Revision
  readonly oldest: () => Revision
  readonly compact: (before: Revision) => Promise<void>
}

export function createHistory(options: HistoryOptions): History {
  const { clock, logger, current, oldest, historyMs, historyRevisionsMax } = options
  /** Which revision was current when, oldest first; at most `marksPerHistory` + 2. */
  let marks: { readonly atMs: number; readonly revision: Revision }[] = []
  let isCompacting = false
  let isClosed = false

  const compact = async (before: Revision) => {
    if (isClosed || isCompacting || before <= oldest()) return
    isCompacting = true
    try {
      await options.compact(before)
    } catch (error) {
      if (!isClosed)
        logger.warn('history could not be compacted; trying again later', {
          error: describeError(error),
          before,
        })
    }
    isCompacting = false
  }
  const mark = () => {
    const nowMs = clock.monotonicMs()
    const old = marks.findLast(({ atMs }) => atMs <= nowMs - historyMs)
    if (old) marks = marks.slice(marks.indexOf(old) + 1)
    marks.push({ atMs: nowMs, revision: current() })
    if (old) void compact(old.revision)
  }
  const stop = clock.every(Math.ceil(historyMs / marksPerHistory), mark)
  return {
    note() {
      const excess = current() - oldest() - historyRevisionsMax
      if (excess > historyRevisionsMax * (slack - 1)) void compact(current() - historyRevisionsMax)
    },
    [Symbol.dispose]() {
      isClosed = true
      stop()
    },
  }
}
