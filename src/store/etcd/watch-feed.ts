import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Random } from '../../base/ids.ts'
import type { Logger } from '../../base/logger.ts'
import { closedError } from '../errors.ts'
import { isStoreError, StoreError, type Revision } from '../store.ts'
import type { EtcdClient } from './etcd-client.ts'
import type { EtcdKv } from './etcd-kv.ts'
import { openWatchStream, type WatchStep } from './watch-stream.ts'

/**
 * The one watch on etcd behind all watchers of a store. It outlives connections and members: it goes on from the last
 * revision that it saw.
 *
 * etcd tells of progress by itself only each ten minutes, and up to 3.4.24 and 3.5.7 what it tells when asked may be
 * ahead of events still on their way (etcd-io/etcd#15220). So whoever needs to know that nothing is missing up to a
 * revision has the feed write a mark: once its own event arrives, everything before has. Only a shared etcd needs
 * that: otherwise the awaited revision is itself an event under the prefix.
 */
export interface WatchFeed extends AsyncDisposable {
  /** Everything up to here has been told. */
  readonly revision: Revision
  /** The last event of etcd under the prefix that was told: none lies between it and `revision`. */
  readonly eventRevision: Revision
  /** Resolves when the feed has a place in history. Throws when etcd is not to be reached. */
  start(): Promise<void>
  /** Resolves once everything up to `revision` has been told. Throws `unavailable` when that takes too long, or the signal's reason. */
  reach(revision: Revision, signal?: AbortSignal): Promise<void>
  /** Sees to it that the feed reaches `revision` soon, if it has been started. */
  nudge(revision: Revision): void
}

export interface WatchFeedOptions {
  readonly client: EtcdClient
  readonly kv: EtcdKv
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly onStep: (step: WatchStep) => void
  /** Events are missing, now or for ever: what follows begins anew. */
  readonly onGap: (error: StoreError) => void
}

const retry = { baseMs: 25, factor: 2, capMs: 2_000, jitter: 0.5 }
/** Time for events of our own to arrive before a mark is written. */
const patienceMs = 20
const reachMsMax = 10_000

export const createWatchFeed = (options: WatchFeedOptions): WatchFeed => new EtcdFeed(options)

interface Waiter {
  readonly revision: Revision
  readonly resolve: () => void
}

class EtcdFeed implements WatchFeed {
  revision: Revision = 0
  eventRevision: Revision = 0
  readonly #options: WatchFeedOptions
  readonly #closing = new AbortController()
  readonly #waiters = new Set<Waiter>()
  #started: Promise<void> | undefined
  #running: Promise<void> = Promise.resolve()
  /** The greatest revision that somebody waits for. */
  #wanted: Revision = 0
  #isNudging = false

  constructor(options: WatchFeedOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.#started ??= this.#anchor().then(
      () => {
        this.#running = this.#run()
      },
      (error: unknown) => {
        this.#started = undefined
        throw error
      },
    )
    return this.#started
  }

  async reach(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (this.revision >= revision) return
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { revision, resolve }
    const late = () =>
      reject(
        new StoreError(
          'unavailable',
          `The watch on etcd did not come to revision ${revision} within ${reachMsMax} ms.`,
        ),
      )
    const cancel = this.#options.clock.after(reachMsMax, late)
    const onAbort = () => reject(signal?.reason)
    const onClose = () => reject(closedError())
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#closing.signal.addEventListener('abort', onClose, { once: true })
    this.#waiters.add(waiter)
    this.nudge(revision)
    try {
      await promise
    } finally {
      cancel()
      this.#waiters.delete(waiter)
      signal?.removeEventListener('abort', onAbort)
      this.#closing.signal.removeEventListener('abort', onClose)
    }
  }

  nudge(revision: Revision): void {
    if (!this.#started || revision <= this.revision) return
    this.#wanted = Math.max(this.#wanted, revision)
    if (this.#isNudging) return
    this.#isNudging = true
    void this.#markWhenLate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(closedError())
    await this.#started?.catch(() => undefined) // who started it was told
    await this.#running
  }

  /** One mark at a time serves all who wait. */
  async #markWhenLate(): Promise<void> {
    const { clock, kv, logger } = this.#options
    const { signal } = this.#closing
    try {
      await clock.sleep(patienceMs, signal)
      if (this.revision < this.#wanted) await kv.mark()
    } catch (error) {
      if (!signal.aborted) logger.debug('no mark could be written', { error })
    } finally {
      this.#isNudging = false
    }
  }

  /** A place in history with an event of our own, from which the past can be told apart. */
  async #anchor(): Promise<void> {
    const { kv } = this.#options
    const revision = await kv.mark().catch((error: unknown) => {
      // A full etcd takes no marks. It can still be watched; a past that is asked for may be refused.
      if (isStoreError(error, 'full')) return kv.current()
      throw error
    })
    this.#advance({ events: [], revision, eventRevision: revision })
  }

  async #run(): Promise<void> {
    const { clock, random, logger, onGap } = this.#options
    const { signal } = this.#closing
    for (let failures = 0; !signal.aborted;) {
      const before = this.revision
      const error = await this.#follow().catch((thrown: unknown) => thrown)
      if (signal.aborted) return
      if (this.revision > before) failures = 0
      const level = failures === 0 ? 'info' : 'debug'
      logger[level]('the watch on etcd is interrupted', { error, revision: this.revision })
      if (isStoreError(error, 'compacted') || isStoreError(error, 'future')) {
        onGap(error)
        this.#started = this.#anchor()
        await this.#started.catch((cause: unknown) =>
          logger.warn('the watch on etcd has no place', { error: cause }),
        )
      }
      // Aborted: the loop's condition sees it.
      await clock.sleep(backoffMs(failures++, retry, random), signal).catch(() => undefined)
    }
  }

  /** Until the stream ends; resolves with the reason. */
  async #follow(): Promise<Error> {
    const { client, kv } = this.#options
    const { prefix, dataPrefix } = kv
    const { signal } = this.#closing
    await kv.current() // throws if etcd was restored from a backup: a watch from the future would wait in silence
    const ended = deferred<Error>()
    const from = this.revision
    const onStep = (step: WatchStep) => this.#advance(step)
    const stream = await openWatchStream({
      client,
      prefix,
      dataPrefix,
      from,
      onStep,
      onEnd: (error) => ended.resolve(error),
    })
    const onAbort = () => ended.resolve(closedError())
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      return await ended.promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      stream.close()
    }
  }

  #advance(step: WatchStep): void {
    if (step.eventRevision > 0) this.eventRevision = step.eventRevision
    this.revision = step.revision
    this.#options.onStep(step)
    for (const waiter of this.#waiters) if (waiter.revision <= step.revision) waiter.resolve()
  }
}
