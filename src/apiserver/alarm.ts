/** Wakes one waiter. Level-triggered: a ring before the wait is not lost, many rings are one. */
export interface Alarm {
  readonly ring: () => void
  wait(): Promise<void>
}

export function createAlarm(): Alarm {
  let isRinging = false
  let wake: (() => void) | undefined
  return {
    ring() {
      isRinging = true
      wake?.()
    },
    async wait() {
      if (!isRinging) await new Promise<void>((resolve) => (wake = resolve))
      wake = undefined
      isRinging = false
    },
  }
}
