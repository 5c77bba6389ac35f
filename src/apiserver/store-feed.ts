/**
 * The one watch on the store behind all watch caches. One, because every commit then moves the revision of all caches:
 * a consistent read of a quiet resource waits for nothing but the commit itself.
 *
 * The feed outlives trouble: it resumes where it was; only when the store no longer keeps what came after that point does it
 * announce a gap, and each cache lists afresh.
 */
import { AssertionError } from '../base/assert.ts'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/ids.ts'
import { isStoreError, type Revision, type Store, type StoreEvent } from '../store/store.ts'
import { prefixOfKey, registryPrefix } from './keys.ts'
import { createSlices, type Slices } from './slices.ts'

export interface FeedListener {
  /** One change under the listener's prefix. Called in revision order, never for a revision twice. */
  apply(event: StoreEvent): void
  /** After all events of a batch have been applied. */
  changed(): void
  /** Changes have been missed: what is held is stale until it has been listed again. */
  gap(): void
}

/** Attempts that end `lagging` before they got any further: then the way through history is too long, listing is shorter. */
const stuckAfter = 3

const retry = { baseMs: 50, factor: 2, capMs: 2_000, jitter: 0.5 }

export interface FeedOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class StoreFeed implements AsyncDisposable {
  readonly store: Store
  readonly clock: Clock
  /** Of all caches together. */
  readonly slices: Slices = createSlices()
  /** All changes up to here have been applied. */
  revision: Revision
  readonly #options: FeedOptions
  readonly #listeners = new Map<string, Set<FeedListener>>()
  readonly #waiters = new Set<{ readonly revision: Revision; readonly resolve: (reached: boolean) => void }>()
  readonly #ending = new AbortController()
  readonly #running: Promise<void>

  private constructor(options: FeedOptions, revision: Revision) {
    this.#options = options
    this.store = options.store
    this.clock = options.clock
    this.revision = revision
    this.#running = this.#run()
  }

  static async open(options: FeedOptions): Promise<StoreFeed> {
    return new StoreFeed(options, await options.store.current())
  }

  /** From now on the listener hears of what is under its `resourcePrefix`. Again is the same as once. */
  attach(prefix: string, listener: FeedListener): void {
    const listeners = this.#listeners.get(prefix) ?? new Set()
    this.#listeners.set(prefix, listeners.add(listener))
  }

  detach(prefix: string, listener: FeedListener): void {
    const listeners = this.#listeners.get(prefix)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#listeners.delete(prefix)
  }

  /** Whether everything up to `revision` has been applied before `timeoutMs` ran out. */
  reaches(revision: Revision, timeoutMs: number): Promise<boolean> {
    if (this.revision >= revision) return Promise.resolve(true)
    return new Promise((resolve) => {
      const waiter = {
        revision,
        resolve: (reached: boolean) => {
          cancel()
          this.#waiters.delete(waiter)
          resolve(reached)
        },
      }
      const cancel = this.clock.after(timeoutMs, () => waiter.resolve(false))
      this.#waiters.add(waiter)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    for (const waiter of this.#waiters) waiter.resolve(false)
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, random, logger } = this.#options
    const signal = this.#ending.signal
    for (let failures = 0; !signal.aborted;) {
      const before = this.revision
      try {
        await this.#follow(signal)
        if (!signal.aborted) logger.warn('the watch on the store ended; caches are stale until it is back')
      } catch (error) {
        if (signal.aborted) return
        // A value that no server of ours can have written: caches must not go on around it.
        if (error instanceof AssertionError) throw error
        if (this.revision > before) failures = 0
        const isGap = isStoreError(error, 'compacted') || isStoreError(error, 'future')
        const isStuck = isStoreError(error, 'lagging') && failures >= stuckAfter
        if (isGap || isStuck) await this.#jump(error)
        else if (!isStoreError(error, 'lagging')) logger.warn('the watch on the store failed', { error })
      }
      if (this.revision === before) {
        const pauseMs = backoffMs(failures++, retry, random)
        // An abort ends the pause early; the loop's condition sees it.
        await clock.sleep(pauseMs, signal).catch(() => undefined)
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const batch of this.store.watch({ prefix: registryPrefix }, this.revision, signal)) {
      const touched = new Set<FeedListener>()
      for (const event of batch.events) {
        for (const listener of this.#listeners.get(prefixOfKey(event.key)) ?? []) {
          listener.apply(event)
          touched.add(listener)
        }
      }
      this.#advance(batch.revision)
      for (const listener of touched) listener.changed()
    }
  }

  #advance(revision: Revision): void {
    this.revision = revision
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.resolve(true)
  }

  /** Goes on from now; what lies between is for the caches to list. */
  async #jump(cause: unknown): Promise<void> {
    const { logger } = this.#options
    try {
      const revision = await this.store.current()
      logger.warn('changes were missed; watch caches list again', {
        from: this.revision,
        to: revision,
        cause,
      })
      for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.gap()
      this.#advance(revision)
    } catch (error) {
      logger.warn('the store does not say its revision', { error })
    }
  }
}
