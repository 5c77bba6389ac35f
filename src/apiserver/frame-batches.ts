/**
 * What watchers of one kind read next, joined to one piece of memory: those that select the same and have come equally far
 * share it. A thousand watchers that keep up cost one joining, not a thousand.
 */
import type { Revision } from '../store/store.ts'

/** The changes of a ring from one position up to `end`, as some watcher sees them. */
export interface FrameBatch {
  readonly end: number
  /** Of the last change that was looked at. */
  readonly revision: Revision
  /** False: it ends where the ring ended, and is out of date once the ring has more. */
  readonly isFull: boolean
  /** None where no change concerns the watcher. */
  readonly frames: readonly Uint8Array[]
}

/** Events looked at for one batch: keeps one watcher from holding the thread. */
export const batchEventsMax = 1_024
/** Watchers that keep up are at a few places; those that don't make their own batches. */
const batchesMax = 16

export class FrameBatches {
  readonly #known = new Map<string, FrameBatch>()
  readonly #endOfRing: () => number

  constructor(endOfRing: () => number) {
    this.#endOfRing = endOfRing
  }

  of(selection: string, from: number, make: (from: number) => FrameBatch): FrameBatch {
    const key = `${from} ${selection}`
    const known = this.#known.get(key)
    if (known && (known.isFull || known.end === this.#endOfRing())) return known
    const made = make(from)
    this.#known.delete(key)
    this.#known.set(key, made)
    const [oldest] = this.#known.keys()
    if (this.#known.size > batchesMax && oldest !== undefined) this.#known.delete(oldest)
    return made
  }
}
