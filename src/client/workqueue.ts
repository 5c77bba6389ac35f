import { backoffMs, type BackoffOptions } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { deferred, type Deferred } from '../base/deferred.ts'
import type { Random } from '../base/ids.ts'

/**
 * Keys that want work. Fair: first come, first served. Stingy: a key that is added many times before it is taken is
 * worked once; one that is added while in work is worked once more afterwards, never at the same time.
 */
export interface WorkQueue {
  add(key: string): void
  /** Adds after a delay; an earlier time for the same key wins. */
  addAfter(key: string, ms: number): void
  /** Adds after the key's back-off, which grows with each call until `forget`. */
  addRateLimited(key: string): void
  /** Ends the key's back-off: its work succeeded. */
  forget(key: string): void
  /** How often the key has failed in a row. */
  retries(key: string): number
  /** The next key, waiting for one; undefined once the queue is shut down. Each key taken must be given to `done`. */
  take(): Promise<string | undefined>
  done(key: string): void
  /** Wakes all takers; later adds are ignored. */
  shutDown(): void
  readonly length: number
}

export interface WorkQueueOptions {
  readonly clock: Clock
  readonly random: Random
  readonly backoff?: BackoffOptions
  /** Called when a key is queued that wasn't. */
  readonly onAdd?: () => void
}

/** 5 ms, 10 ms, … up to 30 s: quick over a lost race, patient with a broken neighbour. */
export const workBackoff: BackoffOptions = { baseMs: 5, factor: 2, capMs: 30_000, jitter: 0.1 }

export function workQueue({ clock, random, backoff = workBackoff, onAdd }: WorkQueueOptions): WorkQueue {
  const queue = new Set<string>() // order of insertion; every key is in `dirty` too and not in `processing`
  const dirty = new Set<string>() // wants work
  const processing = new Set<string>() // taken and not yet done
  const failures = new Map<string, number>()
  const takers: Deferred<string | undefined>[] = []
  let isShutDown = false

  const hand = () => {
    while (takers.length > 0 && queue.size > 0) {
      const [key] = queue
      if (key === undefined) return
      queue.delete(key)
      dirty.delete(key)
      processing.add(key)
      takers.shift()?.resolve(key)
    }
  }
  const add = (key: string) => {
    if (isShutDown || dirty.has(key)) return
    dirty.add(key)
    onAdd?.()
    if (processing.has(key)) return
    queue.add(key)
    hand()
  }
  const delays = keyedDelays(clock, add)
  const addAfter = (key: string, ms: number) => {
    if (isShutDown) return
    if (ms <= 0) add(key)
    else delays.set(key, ms)
  }
  return {
    add,
    addAfter,
    addRateLimited(key) {
      const n = failures.get(key) ?? 0
      failures.set(key, n + 1)
      addAfter(key, backoffMs(n, backoff, random))
    },
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
    take() {
      if (isShutDown) return Promise.resolve(undefined)
      const taker = deferred<string | undefined>()
      takers.push(taker)
      hand()
      return taker.promise
    },
    done(key) {
      processing.delete(key)
      if (!dirty.has(key)) return
      queue.add(key)
      hand()
    },
    shutDown() {
      isShutDown = true
      delays.clear()
      queue.clear()
      for (const taker of takers.splice(0)) taker.resolve(undefined)
    },
    get length() {
      return queue.size
    },
  }
}

/** At most one timer for each key; the earliest wish wins. */
function keyedDelays(clock: Clock, fire: (key: string) => void) {
  const timers = new Map<string, { readonly atMs: number; readonly cancel: () => void }>()
  return {
    set(key: string, ms: number) {
      const atMs = clock.monotonicMs() + ms
      const armed = timers.get(key)
      if (armed && armed.atMs <= atMs) return
      armed?.cancel()
      const cancel = clock.after(ms, () => {
        timers.delete(key)
        fire(key)
      })
      timers.set(key, { atMs, cancel })
    },
    clear() {
      for (const { cancel } of timers.values()) cancel()
      timers.clear()
    },
  }
}
