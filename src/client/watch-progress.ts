import { abortReason } from '../base/clock.ts'

/**
 * How far a watch has come, and who waits for it to get further. Compares revisions as integers, which Kubernetes
 * guarantees for one resource of one server.
 */
export interface WatchProgress {
  readonly reach: (resourceVersion: string | undefined) => void
  readonly hasReached: (resourceVersion: string) => boolean
  readonly reached: (resourceVersion: string, signal: AbortSignal) => Promise<void>
}

export function watchProgress(): WatchProgress {
  let revision = 0
  const waiting = new Set<{ readonly revision: number; readonly resolve: () => void }>()
  const hasReached = (resourceVersion: string) => revision >= Number(resourceVersion)
  return {
    reach(resourceVersion) {
      revision = Math.max(revision, Number(resourceVersion ?? 0))
      for (const waiter of waiting) if (waiter.revision <= revision) waiter.resolve()
    },
    hasReached,
    reached(resourceVersion, signal) {
      if (hasReached(resourceVersion)) return Promise.resolve()
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(abortReason(signal))
        const onAbort = () => {
          waiting.delete(waiter)
          reject(abortReason(signal))
        }
        const waiter = {
          revision: Number(resourceVersion),
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
