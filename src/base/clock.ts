/**
 * Time comes in as an argument. This file is the only place in the tree that reads the machine's clock or arms
 * a timer (with `base/ids.ts` for randomness); `tests/tidy.test.ts` enforces it. Tests use `fakeClock` of `base/fake-clock.ts`.
 */
export interface Clock {
  /** Wall-clock time. May jump; use it for timestamps that people read, never to measure a duration. */
  now(): Date
  /** Milliseconds since an arbitrary origin; never goes backwards. Use it for deadlines and durations. */
  monotonicMs(): number
  /** Resolves after `ms`. Rejects with the signal's reason when `signal` aborts first. Keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms`. The returned function cancels; calling it twice is harmless. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void
  /** Calls `fn` each `ms` until `signal` aborts or the returned function is called. Does not keep the process alive. */
  every(ms: number, fn: () => void, signal?: AbortSignal): () => void
}

const delayMsMax = 2 ** 31 - 1 // a larger delay makes Node fire at once

export const realClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortReason(signal))
      const onAbort = () => {
        clearTimeout(timer)
        if (signal) reject(abortReason(signal))
      }
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        Math.min(ms, delayMsMax),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, delayMsMax))
    timer.unref()
    return () => clearTimeout(timer)
  },
  every(ms, fn, signal) {
    if (signal?.aborted) return () => {}
    const timer = setInterval(fn, ms)
    timer.unref()
    const stop = () => clearInterval(timer)
    signal?.addEventListener('abort', stop, { once: true })
    return () => {
      signal?.removeEventListener('abort', stop)
      stop()
    }
  },
}

/** The abort reason as an `Error`, whatever was passed to `abort()`. */
export const abortReason = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(`aborted: ${String(signal.reason)}`)
