import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'

const retryMs = 1_000 // after a sweep that failed, such as on a full disk

/** Wakes a store when its next key with a `ttlMs` is due. One timer, armed only while something expires. */
export interface Expiry extends Disposable {
  /** The time that deadlines are written in: wall-clock at open, then by the monotonic clock, so setting the clock moves nothing. */
  nowMs(): number
  /** A key expires at `dueMs`. */
  note(dueMs: number): void
}

export interface ExpiryOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Deletes what is due at `nowMs`; resolves to the time at which to come again, if any. */
  readonly sweep: (nowMs: number) => Promise<number | undefined>
}

export function createExpiry({ clock, logger, sweep }: ExpiryOptions): Expiry {
  const originMs = clock.now().getTime() - clock.monotonicMs()
  const nowMs = () => originMs + clock.monotonicMs()
  let nextMs = Infinity
  let isSweeping = false
  let isClosed = false
  let cancel = () => {}

  const arm = () => {
    cancel()
    if (isClosed || isSweeping || nextMs === Infinity) return
    cancel = clock.after(Math.max(0, Math.ceil(nextMs - nowMs())), () => void run())
  }
  const note = (dueMs: number) => {
    if (dueMs >= nextMs) return
    nextMs = dueMs
    arm()
  }
  const run = async () => {
    isSweeping = true
    nextMs = Infinity // what is noted during the sweep counts again
    try {
      const next = await sweep(nowMs())
      nextMs = Math.min(nextMs, next ?? Infinity)
    } catch (error) {
      nextMs = Math.min(nextMs, nowMs() + retryMs)
      if (!isClosed)
        logger.warn('expired keys could not be deleted; trying again', {
          error: describeError(error),
          retryMs,
        })
    }
    isSweeping = false
    arm()
  }
  return {
    nowMs,
    note,
    [Symbol.dispose]() {
      isClosed = true
      cancel()
    },
  }
}
