import { abortReason, type Clock } from './clock.ts'

export interface FakeClock extends Clock {
  /** Moves time forward, firing what falls due in order, and lets promise callbacks run between timers. */
  advance(ms: number): Promise<void>
  /** Timers that are armed now. */
  readonly pending: number
}

interface Timer {
  atMs: number
  readonly fn: () => void
  readonly periodMs?: number
}

/** A clock that moves only when told to. `start` is what `now()` says at origin. */
export function fakeClock(start: Date = new Date('2026-01-01T00:00:00Z')): FakeClock {
  let nowMs = 0
  const timers = new Set<Timer>()
  const arm = (timer: Timer) => {
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  const clock: FakeClock = {
    now: () => new Date(start.getTime() + nowMs),
    monotonicMs: () => nowMs,
    after: (ms, fn) => arm({ atMs: nowMs + ms, fn }),
    every(ms, fn, signal) {
      const stop = arm({ atMs: nowMs + ms, fn, periodMs: ms })
      signal?.addEventListener('abort', stop, { once: true })
      return stop
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(abortReason(signal))
        const cancel = clock.after(ms, resolve)
        signal?.addEventListener('abort', () => (cancel(), reject(abortReason(signal))), { once: true })
      })
    },
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (;;) {
        const due = [...timers].filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (!due) break
        nowMs = Math.max(nowMs, due.atMs)
        if (due.periodMs === undefined) timers.delete(due)
        else due.atMs += due.periodMs
        due.fn()
        await settle()
      }
      nowMs = untilMs
      await settle()
    },
  }
  return clock
}
