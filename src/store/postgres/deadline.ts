import type { Clock } from '../../base/clock.ts'

/**
 * Tells when something takes longer than it may. One timer goes on while things begin and end, and looks at the time when
 * it fires: to arm and drop one for each is felt where thousands a second end soon.
 */
export interface Deadline {
  /** Something begins; one thing at a time. */
  start(): void
  /** It has ended. */
  stop(): void
}

export interface DeadlineOptions {
  readonly clock: Clock
  readonly ms: number
  readonly onLate: () => void
}

export function createDeadline({ clock, ms, onLate }: DeadlineOptions): Deadline {
  let startedMs: number | undefined
  let isArmed = false
  const arm = (waitMs: number) => {
    isArmed = true
    clock.after(waitMs, look)
  }
  const look = () => {
    isArmed = false
    if (startedMs === undefined) return
    const leftMs = startedMs + ms - clock.monotonicMs()
    if (leftMs > 0) arm(leftMs)
    else onLate()
  }
  return {
    start() {
      startedMs = clock.monotonicMs()
      if (!isArmed) arm(ms)
    },
    stop() {
      startedMs = undefined
    },
  }
}
