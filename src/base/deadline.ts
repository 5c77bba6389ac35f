import type { Clock } from './clock.ts'

export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** A signal that aborts after `ms`, or with `parent`. Dispose it when the work is done, to free the timer. */
export function deadlineSignal(clock: Clock, ms: number, parent?: AbortSignal): Deadline {
  const own = new AbortController()
  const cancel = clock.after(ms, () => own.abort(new Error(`no answer within ${ms} ms`)))
  return {
    signal: parent ? AbortSignal.any([own.signal, parent]) : own.signal,
    [Symbol.dispose]: cancel,
  }
}
