import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import { describeError, type Logger } from '../../base/logger.ts'
import { deferred, type Deferred } from '../../base/deferred.ts'
import { isStoreError, StoreError, type Revision, type StoreEvent } from '../store.ts'
import { badRowError, wentBackError } from './postgres-errors.ts'
import type { LogChunk } from './read.ts'
import { channelOf } from './schema.ts'
import type { Session } from './session.ts'

const retry = { baseMs: 50, factor: 2, capMs: 2_000, jitter: 0.5 }

/**
 * Follows the log: one reader for all watchers of this process. It reads when a notification tells of a revision that
 * it hasn't got, when a write of this process does, and every `pollMs` all the same, as notifications may be lost with
 * their connection. What this process wrote itself need not be read, if it follows on what is known.
 *
 *     NOTIFY ─┐
 *     write  ─┼─▶ read the log after `revision` ─▶ onEvents, in order, without gaps
 *     pollMs ─┘
 */
export interface Tail extends AsyncDisposable {
  /** Everything up to here has been told. */
  readonly revision: Revision
  readonly compacted: Revision
  /** Events that were just committed by this process, of consecutive revisions. True when they were told by that. */
  offer(events: readonly StoreEvent[], stamp: string): boolean
  /** Something may have been committed. */
  nudge(): void
  /** History before `compacted` was forgotten. */
  noteCompacted(compacted: Revision): void
  /** Resolves when everything up to `revision` has been told, or when `signal` aborts. Throws `unavailable` after too long. */
  reach(revision: Revision, signal: AbortSignal): Promise<void>
}

export interface TailOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly revision: Revision
  readonly compacted: Revision
  readonly schema: string
  readonly pollMs: number
  readonly reachMsMax: number
  readonly connect: (signal: AbortSignal) => Promise<Session>
  /** Resolves when the other processes notify this one. */
  readonly attend: () => Promise<void>
  /** Whether a process of the server is the one that writes for this process. */
  readonly isOwn: (processId: number) => boolean
  /** The next events after `from`. Throws `compacted`. */
  readonly read: (session: Session, from: Revision) => Promise<LogChunk>
  readonly onEvents: (events: readonly StoreEvent[], revision: Revision, stamp: string) => void
  /** What was to come next has been compacted away: watchers have to begin anew. The tail goes on from the head. */
  readonly onGap: (error: StoreError) => void
  /** The log is not the one that was read before, or is damaged: nothing goes on. */
  readonly onBroken: (error: StoreError) => void
}

export function createTail(options: TailOptions): Tail {
  return new LogTail(options)
}

class LogTail implements Tail {
  revision: Revision
  compacted: Revision
  readonly #options: TailOptions
  readonly #ending = new AbortController()
  readonly #reachers = new Set<{ readonly revision: Revision; readonly done: Deferred<void> }>()
  readonly #running: Promise<void>
  /** Of the group that wrote `revision`, once it is known: another history has another one there. */
  #stamp: string | undefined
  #session: Session | undefined
  #isNudged = false
  #wake = () => {}

  constructor(options: TailOptions) {
    this.#options = options
    this.revision = options.revision
    this.compacted = options.compacted
    this.#running = this.#run()
  }

  offer(events: readonly StoreEvent[], stamp: string): boolean {
    if (events[0]?.revision !== this.revision + 1) return false
    this.#tell(events, events.at(-1)?.revision ?? this.revision, stamp)
    return true
  }

  nudge(): void {
    this.#isNudged = true
    this.#wake()
  }

  noteCompacted(compacted: Revision): void {
    this.compacted = Math.max(this.compacted, compacted)
  }

  async reach(revision: Revision, signal: AbortSignal): Promise<void> {
    if (this.revision >= revision || signal.aborted) return
    const { clock, reachMsMax } = this.#options
    const done = deferred()
    const reacher = { revision, done }
    const leave = () => done.resolve()
    const late = clock.after(reachMsMax, () => done.reject(lateError(revision, this.revision)))
    signal.addEventListener('abort', leave, { once: true })
    this.#reachers.add(reacher)
    this.nudge()
    try {
      await done.promise
    } finally {
      late()
      signal.removeEventListener('abort', leave)
      this.#reachers.delete(reacher)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    this.#wake()
    for (const { done } of this.#reachers) done.resolve()
    await this.#session?.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, random, logger, onBroken } = this.#options
    for (let failures = 0; !this.#ending.signal.aborted;) {
      const before = this.revision
      try {
        await this.#follow()
      } catch (error) {
        if (this.#ending.signal.aborted) return
        if (isStoreError(error) && error.code !== 'unavailable') return onBroken(error)
        failures = this.revision > before ? 0 : failures + 1
        const waitMs = Math.ceil(backoffMs(failures, retry, random))
        logger.warn('the changes of PostgreSQL can not be followed; trying again', {
          error: describeError(error),
          waitMs,
        })
        await clock.sleep(waitMs, this.#ending.signal).catch(() => {}) // the loop ends by itself
      }
    }
  }

  /** Until the session is lost. */
  async #follow(): Promise<void> {
    const { connect, attend, schema, isOwn } = this.#options
    const session = await connect(this.#ending.signal)
    this.#session = session
    try {
      session.onNotice((sender, payload) => {
        // Of its own writes this process hears from the writer, who offers them without a question to the server.
        if (sender !== undefined && isOwn(sender)) return
        if (payload === '' || Number(payload) > this.revision) this.nudge()
      })
      await session.script(`LISTEN ${channelOf(schema)}`)
      while (!this.#ending.signal.aborted) {
        this.#isNudged = false
        await attend() // before what was written without a notification is read
        while (await this.#step(session)); // until nothing is left
        await this.#pause()
      }
    } finally {
      await session.close()
    }
  }

  /** True when there may be more to read. */
  async #step(session: Session): Promise<boolean> {
    const [from, stamp] = [this.revision, this.#stamp]
    let chunk: LogChunk
    try {
      chunk = await this.#options.read(session, from)
    } catch (error) {
      if (!isStoreError(error, 'compacted')) throw error
      this.#options.onGap(error)
      this.compacted = error.revision ?? this.compacted
      this.#stamp = undefined
      this.#moveTo(this.compacted)
      this.#tellReachers()
      return true
    }
    this.#checkHistory(chunk, from, stamp)
    this.noteCompacted(chunk.compacted)
    const { events, upTo } = chunk
    if (events.length !== upTo - from || (events[0]?.revision ?? from + 1) !== from + 1) {
      throw badRowError(
        `the log has no revision ${from + 1 + events.findIndex((e, i) => e.revision !== from + 1 + i)}`,
      )
    }
    // Meanwhile, writes of this process may have told some of them.
    const fresh = events.slice(this.revision - from)
    if (fresh.length > 0) this.#tell(fresh, upTo, chunk.stamp)
    return this.revision < chunk.revision
  }

  /** The tables may be replaced under a session that lives on, when a dump is restored into them. */
  #checkHistory(chunk: LogChunk, from: Revision, stamp: string | undefined): void {
    const isKept = from > chunk.compacted
    const isOther =
      stamp !== undefined && (isKept || chunk.fromStamp !== undefined) && chunk.fromStamp !== stamp
    if (chunk.revision < from || isOther) throw wentBackError(this.#options.schema, from, chunk.revision)
  }

  #tell(events: readonly StoreEvent[], revision: Revision, stamp: string): void {
    this.#moveTo(revision)
    this.#stamp = stamp
    this.#options.onEvents(events, revision, stamp)
    this.#tellReachers()
  }

  #tellReachers(): void {
    for (const { revision, done } of this.#reachers) if (this.revision >= revision) done.resolve()
  }

  #moveTo(revision: Revision): void {
    this.revision = Math.max(this.revision, revision)
  }

  #pause(): Promise<void> {
    if (this.#isNudged) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(this.#options.pollMs, () => this.#wake())
      this.#wake = () => {
        this.#wake = () => {}
        cancel()
        resolve()
      }
    })
  }
}

const lateError = (wanted: Revision, reached: Revision): StoreError =>
  new StoreError(
    'unavailable',
    `The changes of PostgreSQL could be followed to revision ${reached} only, not to ${wanted}; try again.`,
  )
