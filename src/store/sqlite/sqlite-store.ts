import { resolve } from 'node:path'

import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import {
  checkKey,
  checkLimit,
  checkRange,
  checkRevision,
  checkSkip,
  checkTtl,
  checkValue,
} from '../bounds.ts'
import { closedError, compactedError, futureError } from '../errors.ts'
import { createExpiry, type Expiry } from '../expiry.ts'
import { createGroupCommit, type GroupCommit } from '../group-commit.ts'
import { createHistory, historyDefaults, type History, type HistoryLimits } from '../history.ts'
import {
  isStoreError,
  StoreError,
  valueBytesMax,
  type Deleted,
  type Entry,
  type ListOptions,
  type Page,
  type Range,
  type Read,
  type Revision,
  type Store,
  type StoreEvent,
  type WatchBatch,
} from '../store.ts'
import { createWatchHub, type WatchHub } from '../watchers.ts'
import { compact, skip } from './compact.ts'
import { due, get, list, nextDue, replay } from './read.ts'
import { startScrubbing } from './scrub-schedule.ts'
import { scrub } from './scrub.ts'
import { openTurns, type Turns } from './turns.ts'
import { writeGroup, type PendingWrite, type Written } from './write.ts'

export interface SqliteOptions extends Partial<HistoryLimits> {
  readonly clock: Clock
  readonly logger: Logger
  /** Beyond this size of the file writes fail with `full`; unset means the disk alone decides. */
  readonly fileBytesMax?: number
}

/**
 * A store in one SQLite file, for one process. What it does with the file it does in turns (`turns.ts`); here arguments
 * are checked, writes grouped, watchers fed, and it is decided what to compact.
 *
 * Throws `corrupt`, `newer` or `busy`, and `unavailable` when the file can't be opened.
 */
export async function openSqliteStore(path: string, options: SqliteOptions): Promise<Store> {
  const file = resolve(path)
  const { clock, fileBytesMax, logger } = options
  // Nothing has a turn before there is a store.
  const turns = openTurns({ file, fileBytesMax }, clock, (error) => store.crash(error))
  for (const note of turns.engine.notes) logger.warn(note)
  const store = new SqliteStore(turns, options)
  return store
}

class SqliteStore implements Store {
  readonly capabilities = { durable: true, shared: false, valueBytesMax, skipsFreely: true }
  readonly #turns: Turns
  readonly #writes: GroupCommit<PendingWrite, Written>
  readonly #hub: WatchHub
  readonly #expiry: Expiry
  readonly #history: History
  readonly #scrubbing: Disposable
  /** The last revision whose write was acknowledged and published. */
  #revision: Revision
  /** Reads of older revisions are refused, though their rows may not all be gone yet. */
  #compacted: Revision
  /** Lists under way; compaction waits for them, so that a long one keeps its snapshot. */
  readonly #lists = new Set<Promise<Page>>()
  /** Compactions run one after the other. */
  #compacting: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  /** Why nothing more can be promised. */
  #failure: Error | undefined

  constructor(turns: Turns, options: SqliteOptions) {
    const { clock, logger, historyMs, historyRevisionsMax } = { ...historyDefaults, ...options }
    this.#turns = turns
    this.#revision = turns.engine.state.revision
    this.#compacted = turns.engine.state.compacted
    const current = () => this.#revision
    const oldest = () => this.#compacted
    this.#hub = createWatchHub({ current, oldest, replay: (...span) => this.#replay(...span) })
    this.#writes = createGroupCommit(async (writes) => {
      const results = await turns.run((engine) => writeGroup(engine, writes))
      this.#publish(results.flatMap((result) => (result instanceof StoreError ? [] : [result.event])))
      return results
    })
    this.#expiry = createExpiry({ clock, logger, sweep: (nowMs) => this.#sweep(nowMs) })
    this.#scrubbing = startScrubbing({
      clock,
      logger,
      step: (isFirst) => turns.run((engine) => scrub(engine, isFirst)),
      onDamage: (error) => {
        // One damaged value is refused whenever it is read. Of a list of keys that is wrong nothing can be believed.
        if (!isStoreError(error, 'corrupt') || error.key !== undefined) return
        this.crash(error)
      },
    })
    const dueMs = nextDue(turns.engine, -1)
    if (dueMs !== undefined) this.#expiry.note(dueMs)
    this.#history = createHistory({
      clock,
      logger,
      historyMs,
      historyRevisionsMax,
      current,
      oldest,
      compact: (before) => this.compact(before),
    })
  }

  async current(): Promise<Revision> {
    this.#checkOpen()
    return this.#revision
  }

  async get(key: string, { at }: { readonly at?: Revision } = {}): Promise<Read> {
    this.#checkOpen()
    checkKey(key)
    if (at !== undefined) checkRevision(at, this.#compacted, this.#revision)
    return this.#turns.run((engine) => get(engine, key, at))
  }

  async list(range: Range, options: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    checkRange(range)
    checkLimit(options.limit)
    if (options.at !== undefined) checkRevision(options.at, this.#compacted, this.#revision)
    const page = this.#listChunks(range, options)
    this.#lists.add(page)
    try {
      return await page
    } finally {
      this.#lists.delete(page)
    }
  }

  async create(
    key: string,
    value: Uint8Array,
    { ttlMs }: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, ttlMs)
    const { event } = await this.#put('create', key, value, undefined, ttlMs)
    return event.revision
  }

  async update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    { ttlMs }: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, ttlMs)
    const { event } = await this.#put('update', key, value, expected, ttlMs)
    return event.revision
  }

  async delete(key: string, expected?: Revision): Promise<Deleted> {
    this.#checkOpen()
    checkKey(key)
    const write = { type: 'delete', key, value: new Uint8Array(), expected, dueMs: undefined } as const
    const { event, previousRevision } = await this.#writes.submit(write)
    const { value, createRevision } = event
    return { revision: event.revision, entry: { key, value, revision: previousRevision, createRevision } }
  }

  watch(range: Range, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#hub.watch(range, from, signal)
  }

  /** Resolves when the history is forgotten and room given back; runs in steps between which writes go on. `unavailable` if the store is closed meanwhile. */
  async compact(before: Revision): Promise<void> {
    this.#checkOpen()
    if (before > this.#revision) throw futureError(before, this.#revision)
    this.#compacted = Math.max(this.#compacted, before)
    const previous = this.#compacting
    const step = async () => {
      await previous
      await Promise.allSettled(this.#lists)
      let isDone = false
      while (!isDone) {
        this.#checkOpen()
        isDone = await this.#turns.run((engine) => compact(engine, before))
      }
    }
    const done = step()
    this.#compacting = done.catch(() => {}) // whoever asked for it is told; the next one tries afresh
    return done
  }

  async compacted(): Promise<Revision> {
    this.#checkOpen()
    return this.#compacted
  }

  async skipTo(to: Revision): Promise<void> {
    this.#checkOpen()
    checkSkip(to, { isEmpty: await this.#turns.run((engine) => skip(engine, to)) })
    if (to <= this.#revision) return
    this.#revision = to
    this.#compacted = to
    this.#hub.publish([], to)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Nothing more can be promised. */
  crash(error: StoreError): void {
    if (this.#failure) return
    this.#failure = error
    this.#turns.end(error)
    this.#closing ??= this.#turns.close().catch(() => {}) // why it ends has been told
    this.#stop(error)
  }

  /** Writes that were accepted are finished; the file is left in one piece, without its log. */
  async #close(): Promise<void> {
    this.#stop()
    await this.#writes.idle()
    await this.#compacting
    await Promise.allSettled(this.#lists)
    this.#turns.end(closedError())
    await this.#turns.close()
  }

  #stop(error?: Error): void {
    this.#expiry[Symbol.dispose]()
    this.#history[Symbol.dispose]()
    this.#scrubbing[Symbol.dispose]()
    this.#hub.end(error)
  }

  #put(type: 'create' | 'update', key: string, value: Uint8Array, expected?: Revision, ttlMs?: number) {
    const dueMs = ttlMs === undefined ? undefined : Math.ceil(this.#expiry.nowMs() + ttlMs)
    const written = this.#writes.submit({ type, key, value: Buffer.from(value), expected, dueMs })
    if (dueMs !== undefined) this.#expiry.note(dueMs)
    return written
  }

  #publish(events: readonly StoreEvent[]): void {
    const revision = events.at(-1)?.revision
    if (revision === undefined) return
    this.#revision = revision
    this.#hub.publish(events, revision)
    this.#history.note()
  }

  async #listChunks(range: Range, { limit = Infinity, at }: ListOptions): Promise<Page> {
    const entries: Entry[] = []
    for (let after = range.after, revision = at; ; after = entries.at(-1)?.key) {
      const args = {
        prefix: range.prefix,
        after,
        at: revision,
        limit: limit - entries.length,
        isCounted: limit !== Infinity,
      }
      const chunk = await this.#turns.run((engine) => list(engine, args))
      for (const entry of chunk.entries) entries.push(entry)
      revision = chunk.revision
      if (!chunk.more || entries.length >= limit) {
        return { entries, revision, more: chunk.more, remaining: chunk.remaining }
      }
    }
  }

  async #replay(range: Range, from: Revision, to: Revision): Promise<WatchBatch> {
    if (from < this.#compacted) throw compactedError(from, this.#compacted)
    return this.#turns.run((engine) => replay(engine, range, from, to))
  }

  async #sweep(nowMs: number): Promise<number | undefined> {
    const found = await this.#turns.run((engine) => due(engine, nowMs))
    const deletions = found.keys.map(({ key, revision }) => this.delete(key, revision))
    for (const result of await Promise.allSettled(deletions)) {
      if (result.status === 'fulfilled') continue
      // Written again or deleted since: then it is no longer due.
      if (!isStoreError(result.reason, 'conflict') && !isStoreError(result.reason, 'missing'))
        throw result.reason
    }
    return found.nextDueMs
  }

  #checkWrite(key: string, value: Uint8Array, ttlMs: number | undefined): void {
    this.#checkOpen()
    checkKey(key)
    checkValue(key, value)
    checkTtl(key, ttlMs)
  }

  #checkOpen(): void {
    if (this.#failure) throw this.#failure
    if (this.#closing) throw closedError()
  }
}
