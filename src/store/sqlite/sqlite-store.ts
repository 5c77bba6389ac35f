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
import { startDatabase, type DatabaseClient } from './database-client.ts'
import { entriesOf, eventsOf, settleGroup, type Written } from './decode.ts'
import type { Opened } from './protocol.ts'
import { startScrubbing } from './scrub-schedule.ts'
import { toBatch, type PendingWrite } from './write-batch.ts'

export interface SqliteOptions extends Partial<HistoryLimits> {
  readonly clock: Clock
  readonly logger: Logger
  /** Beyond this size of the file writes fail with `full`; unset means the disk alone decides. */
  readonly fileBytesMax?: number
}

/**
 * A store in one SQLite file, for one process. SQLite runs in a thread of its own (`database-thread.ts`); this side
 * checks arguments, groups writes, feeds watchers and decides what to compact.
 *
 * Throws `corrupt`, `newer` or `busy`, and `unavailable` when the file can't be opened.
 */
export async function openSqliteStore(path: string, options: SqliteOptions): Promise<Store> {
  const file = resolve(path)
  let crashed: (error: Error) => void = () => {}
  const database = startDatabase((error) => crashed(error))
  try {
    const opened = await database.call('open', { file, fileBytesMax: options.fileBytesMax })
    for (const note of opened.notes) options.logger.warn(note)
    const store = new SqliteStore(file, database, opened, options)
    crashed = (error) => store.crash(error)
    return store
  } catch (error) {
    await database.end()
    throw error
  }
}

class SqliteStore implements Store {
  readonly capabilities = { durable: true, shared: false, valueBytesMax, skipsFreely: true }
  readonly #file: string
  readonly #database: DatabaseClient
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

  constructor(file: string, database: DatabaseClient, opened: Opened, options: SqliteOptions) {
    const { clock, logger, historyMs, historyRevisionsMax } = { ...historyDefaults, ...options }
    this.#file = file
    this.#database = database
    this.#revision = opened.revision
    this.#compacted = opened.compacted
    const current = () => this.#revision
    const oldest = () => this.#compacted
    this.#hub = createWatchHub({ current, oldest, replay: (...span) => this.#replay(...span) })
    this.#writes = createGroupCommit(async (writes) => {
      const results = await database.call('write', toBatch(writes))
      const group = settleGroup(this.#file, writes, results)
      this.#publish(group.events, group.revision)
      return group.written
    })
    this.#expiry = createExpiry({ clock, logger, sweep: (nowMs) => this.#sweep(nowMs) })
    this.#scrubbing = startScrubbing({
      clock,
      logger,
      step: async (isFirst) => (await database.call('scrub', { isFirst })).isDone,
      onDamage: (error) => {
        // One damaged value is refused whenever it is read. Of a list of keys that is wrong nothing can be believed.
        if (!isStoreError(error, 'corrupt') || error.key !== undefined) return
        this.crash(error)
        void database.end()
      },
    })
    if (opened.nextDueMs !== undefined) this.#expiry.note(opened.nextDueMs)
    const compact = (before: Revision) => this.compact(before)
    this.#history = createHistory({ clock, logger, historyMs, historyRevisionsMax, current, oldest, compact })
  }

  async current(): Promise<Revision> {
    this.#checkOpen()
    return this.#revision
  }

  async get(key: string, { at }: { readonly at?: Revision } = {}): Promise<Read> {
    this.#checkOpen()
    checkKey(key)
    if (at !== undefined) checkRevision(at, this.#compacted, this.#revision)
    const found = await this.#database.call('get', { key, at })
    return { entry: entriesOf(found.entries)[0], revision: found.revision }
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
    return (await this.#put('create', key, value, undefined, ttlMs)).revision
  }

  async update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    { ttlMs }: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, ttlMs)
    return (await this.#put('update', key, value, expected, ttlMs)).revision
  }

  async delete(key: string, expected?: Revision): Promise<Deleted> {
    this.#checkOpen()
    checkKey(key)
    const write = { type: 'delete', key, value: new Uint8Array(), expected, dueMs: 0 } as const
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
        ;({ isDone } = await this.#database.call('compact', { before }))
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
    checkSkip(to, await this.#database.call('skip', { to }))
    if (to <= this.#revision) return
    this.#revision = to
    this.#compacted = to
    this.#hub.publish([], to)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The database's thread is gone: nothing more can be promised. */
  crash(error: Error): void {
    this.#failure ??= error
    this.#closing ??= Promise.resolve()
    this.#stop(error)
  }

  /** Writes that were accepted are finished; the file is left in one piece, without its log. */
  async #close(): Promise<void> {
    this.#stop()
    await this.#writes.idle()
    await this.#compacting
    await Promise.allSettled(this.#lists)
    try {
      await this.#database.call('close', null)
    } finally {
      await this.#database.end()
    }
  }

  #stop(error?: Error): void {
    this.#expiry[Symbol.dispose]()
    this.#history[Symbol.dispose]()
    this.#scrubbing[Symbol.dispose]()
    this.#hub.end(error)
  }

  #put(type: 'create' | 'update', key: string, value: Uint8Array, expected?: Revision, ttlMs?: number) {
    const dueMs = ttlMs === undefined ? 0 : Math.ceil(this.#expiry.nowMs() + ttlMs)
    const written = this.#writes.submit({ type, key, value: Buffer.from(value), expected, dueMs })
    if (dueMs > 0) this.#expiry.note(dueMs)
    return written.then(({ event }) => event)
  }

  #publish(events: readonly StoreEvent[], revision: Revision): void {
    if (events.length === 0) return
    this.#revision = revision
    this.#hub.publish(events, revision)
    this.#history.note()
  }

  async #listChunks(range: Range, { limit = Infinity, at }: ListOptions): Promise<Page> {
    const entries: Entry[] = []
    for (let after = range.after, revision = at; ; after = entries.at(-1)?.key) {
      const chunk = await this.#database.call('list', {
        prefix: range.prefix,
        after,
        at: revision,
        limit: limit - entries.length,
        isCounted: limit !== Infinity,
      })
      for (const entry of entriesOf(chunk.entries)) entries.push(entry)
      revision = chunk.revision
      if (!chunk.more || entries.length >= limit) {
        return { entries, revision, more: chunk.more, remaining: chunk.remaining }
      }
    }
  }

  async #replay(range: Range, from: Revision, to: Revision): Promise<WatchBatch> {
    if (from < this.#compacted) throw compactedError(from, this.#compacted)
    const { prefix, after } = range
    const chunk = await this.#database.call('replay', { prefix, after, from, to })
    return { events: eventsOf(chunk), revision: chunk.revision }
  }

  async #sweep(nowMs: number): Promise<number | undefined> {
    const due = await this.#database.call('due', { nowMs })
    const deletions = due.keys.map((key, i) => this.delete(key, due.revisions[i]))
    for (const result of await Promise.allSettled(deletions)) {
      if (result.status === 'fulfilled') continue
      // Written again or deleted since: then it is no longer due.
      if (!isStoreError(result.reason, 'conflict') && !isStoreError(result.reason, 'missing'))
        throw result.reason
    }
    return due.nextDueMs
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
