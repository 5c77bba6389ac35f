import { abortReason } from '../base/clock.ts'

/**
 * How far a watch has come, and who waits for what it will bring. Compares revisions as integers, which Kubernetes
 * guarantees for one resource of one server.
 */
export interface WatchProgress {
  /** Called after each step of the watch, when the cache holds it. */
  readonly reach: (resourceVersion: string | undefined) => void
  /** As `reach`, but may go back: after a whole new state, from a server that was restored from a backup. */
  readonly restart: (resourceVersion: string | undefined) => void
  readonly hasReached: (resourceVersion: string) => boolean
  /** Resolves when `holds()`, which is asked now and after each step. Rejects with the signal's reason. */
  readonly until: (holds: () => boolean, signal: AbortSignal) => Promise<void>
}

export function watchProgress(): WatchProgress {
  let revision = 0
  const waiting = new Set<{ readonly holds: () => boolean; readonly resolve: () => void }>()
  const settle = (next: number) => {
    revision = next
    for (const waiter of waiting) if (waiter.holds()) waiter.resolve()
  }
  return {
    reach: (resourceVersion) => settle(Math.max(revision, Number(resourceVersion ?? 0))),
    restart: (resourceVersion) => settle(Number(resourceVersion ?? 0)),
    hasReached: (resourceVersion) => revision >= Number(resourceVersion),
    until(holds, signal) {
      if (holds()) return Promise.resolve()
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(abortReason(signal))
        const onAbort = () => {
          waiting.delete(waiter)
          reject(abortReason(signal))
        }
        const waiter = {
          holds,
          resolve: () => {
            waiting.delete(waiter)
            signal.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        waiting.add(waiter)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    },
  }
}
