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
import { closedError, compactedError, existsError, futureError } from '../errors.ts'
import { createExpiry, type Expiry } from '../expiry.ts'
import { createHistory, historyDefaults, type History, type HistoryLimits } from '../history.ts'
import { isInRange } from '../keys.ts'
import {
  valueBytesMax,
  type Deleted,
  type Entry,
  type ListOptions,
  type Page,
  type Range,
  type Read,
  type Revision,
  type Store,
  type WatchBatch,
} from '../store.ts'
import { createWatchHub, type WatchHub } from '../watchers.ts'
import { apply, createMemoryState, entryAt, forget, matched, pageAt, type Change } from './memory-state.ts'

export interface MemoryOptions extends Partial<HistoryLimits> {
  readonly clock: Clock
  readonly logger: Logger
}

/** The whole contract in plain data structures; nothing survives the process. For tests and throw-away clusters. */
export const openMemoryStore = (options: MemoryOptions): Promise<Store> =>
  Promise.resolve(new MemoryStore(options))

class MemoryStore implements Store {
  readonly capabilities = { durable: false, shared: false, valueBytesMax, skipsFreely: true }
  readonly #state = createMemoryState()
  /** When the keys with a `ttlMs` are due. */
  readonly #deadlines = new Map<string, number>()
  readonly #hub: WatchHub
  readonly #expiry: Expiry
  readonly #history: History
  #isClosed = false

  constructor({ clock, logger, ...limits }: MemoryOptions) {
    const current = () => this.#state.revision
    const oldest = () => this.#state.compacted
    this.#hub = createWatchHub({ current, oldest, replay: async (...span) => this.#replay(...span) })
    this.#expiry = createExpiry({ clock, logger, sweep: async (nowMs) => this.#sweep(nowMs) })
    this.#history = createHistory({
      ...historyDefaults,
      ...limits,
      clock,
      logger,
      current,
      oldest,
      compact: async (before) => forget(this.#state, before),
    })
  }

  async current(): Promise<Revision> {
    this.#checkOpen()
    return this.#state.revision
  }

  async get(key: string, options: { readonly at?: Revision } = {}): Promise<Read> {
    this.#checkOpen()
    checkKey(key)
    const at = this.#readable(options.at)
    return { entry: entryAt(this.#state, key, at), revision: at }
  }

  async list(range: Range, options: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    checkRange(range)
    checkLimit(options.limit)
    return pageAt(this.#state, range, options.limit ?? Infinity, this.#readable(options.at))
  }

  async create(key: string, value: Uint8Array, options: { readonly ttlMs?: number } = {}): Promise<Revision> {
    this.#checkWrite(key, value, options.ttlMs)
    if (entryAt(this.#state, key, this.#state.revision)) throw existsError(key)
    const change: Change = { type: 'create', value: new Uint8Array(value) }
    return this.#write(key, change, undefined, options.ttlMs)
  }

  async update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    options: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, options.ttlMs)
    const present = matched(this.#state, key, expected)
    return this.#write(key, { type: 'update', value: new Uint8Array(value) }, present, options.ttlMs)
  }

  async delete(key: string, expected?: Revision): Promise<Deleted> {
    this.#checkOpen()
    checkKey(key)
    const entry = matched(this.#state, key, expected)
    return { revision: this.#write(key, { type: 'delete' }, entry), entry }
  }

  watch(range: Range, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#hub.watch(range, from, signal)
  }

  async compact(before: Revision): Promise<void> {
    this.#checkOpen()
    if (before > this.#state.revision) throw futureError(before, this.#state.revision)
    forget(this.#state, before)
  }

  async compacted(): Promise<Revision> {
    this.#checkOpen()
    return this.#state.compacted
  }

  async skipTo(to: Revision): Promise<void> {
    this.#checkOpen()
    checkSkip(to, { isEmpty: this.#state.keys.length + this.#state.log.length === 0 })
    if (to <= this.#state.revision) return
    this.#state.revision = to
    this.#state.compacted = to
    this.#hub.publish([], to)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#expiry[Symbol.dispose]()
    this.#history[Symbol.dispose]()
    this.#hub.end()
  }

  #write(key: string, change: Change, present: Entry | undefined, ttlMs?: number): Revision {
    const event = apply(this.#state, key, change, present)
    this.#deadlines.delete(key)
    if (ttlMs !== undefined) {
      const dueMs = this.#expiry.nowMs() + ttlMs
      this.#deadlines.set(key, dueMs)
      this.#expiry.note(dueMs)
    }
    this.#hub.publish([event], event.revision)
    this.#history.note()
    return event.revision
  }

  #replay(range: Range, from: Revision, to: Revision): WatchBatch {
    const { log, compacted } = this.#state
    if (from < compacted) throw compactedError(from, compacted)
    const past = log.slice(from - compacted, to - compacted)
    return { events: past.filter(({ key }) => isInRange(key, range)), revision: to }
  }

  #sweep(nowMs: number): number | undefined {
    let nextMs: number | undefined
    for (const [key, dueMs] of this.#deadlines) {
      if (dueMs <= nowMs) this.#write(key, { type: 'delete' }, matched(this.#state, key, undefined))
      else nextMs = Math.min(nextMs ?? dueMs, dueMs)
    }
    return nextMs
  }

  #readable(at: Revision | undefined): Revision {
    const { compacted, revision } = this.#state
    if (at !== undefined) checkRevision(at, compacted, revision)
    return at ?? revision
  }

  #checkWrite(key: string, value: Uint8Array, ttlMs: number | undefined): void {
    this.#checkOpen()
    checkKey(key)
    checkValue(key, value)
    checkTtl(key, ttlMs)
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closedError()
  }
}
