import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
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
import { closedError, compactedError, futureError, missingError } from '../errors.ts'
import { createHistory, historyDefaults, type History, type HistoryLimits } from '../history.ts'
import {
  isStoreError,
  valueBytesMax,
  type Deleted,
  type ListOptions,
  type Page,
  type Range,
  type Read,
  type Revision,
  type Store,
  type StoreError,
  type WatchBatch,
} from '../store.ts'
import { createWatchHub, type WatchHub } from '../watchers.ts'
import { openEtcdClient, type EtcdClient } from './etcd-client.ts'
import { isLeaseMissing, storeErrorOf } from './etcd-errors.ts'
import { createEtcdKv, type EtcdKv } from './etcd-kv.ts'
import type { EtcdConfig } from './etcd-url.ts'
import { createLeases, type Leases } from './leases.ts'
import { leaseGrantRequest, methods, type Condition, type TxnResponse } from './messages.ts'
import { entryOf, listPages } from './paged-list.ts'
import { replay } from './replay.ts'
import { createWatchFeed, type WatchFeed } from './watch-feed.ts'
import type { WatchStep } from './watch-stream.ts'

export interface EtcdOptions extends Partial<HistoryLimits> {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly onGivenUp?: (error: StoreError) => void
}

/** Of a request, what is not the value: its key three times, the prefix, names and lengths. */
const overheadBytes = 8 * 1024
/** Times that a list begins anew because somebody else compacted its revision away. */
const listAttemptsMax = 3
const tooLarge =
  'Store less, or raise --max-request-bytes of etcd and max-request-bytes in the URL of the store.'

/**
 * A store in an etcd, which may have other tenants: everything lives under one prefix, revisions are etcd's own, and
 * nothing is kept here but what a watch needs.
 *
 * Throws `unavailable` when no endpoint answers or the user is refused.
 */
export async function openEtcdStore(config: EtcdConfig, options: EtcdOptions): Promise<Store> {
  const store = new EtcdStore(config, options)
  try {
    await store.compacted()
    return store
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

class EtcdStore implements Store {
  readonly capabilities
  readonly #options: EtcdOptions
  readonly #client: EtcdClient
  readonly #kv: EtcdKv
  readonly #leases: Leases
  readonly #feed: WatchFeed
  readonly #history: History | undefined
  #hub: WatchHub
  /** Calls under way; closing waits for them. */
  readonly #calls = new Set<Promise<unknown>>()
  /** Lists under way; compaction waits for them, so that a long one keeps its snapshot. */
  readonly #lists = new Set<Promise<unknown>>()
  #givenUp: StoreError | undefined
  #closing: Promise<void> | undefined

  constructor(config: EtcdConfig, options: EtcdOptions) {
    const { clock, random } = options
    this.#options = options
    const bytesMax = Math.min(valueBytesMax, config.maxRequestBytes - overheadBytes)
    this.capabilities = { durable: true, shared: true, valueBytesMax: bytesMax, skipsFreely: false }
    this.#client = openEtcdClient({ config, ...options })
    const onWentBack = (error: StoreError) => this.#giveUp(error)
    this.#kv = createEtcdKv({ client: this.#client, prefix: config.prefix, onWentBack })
    const grant = async (lease: { readonly id: number; readonly ttlSeconds: number }) =>
      void (await this.#client.write(methods.leaseGrant, leaseGrantRequest(lease)))
    this.#leases = createLeases({ clock, random, grant })
    this.#hub = this.#createHub()
    this.#feed = createWatchFeed({
      ...options,
      client: this.#client,
      kv: this.#kv,
      onStep: (step) => this.#publish(step),
      onGap: (error) => this.#lose(error),
    })
    this.#history = config.compacts ? this.#createHistory() : undefined
  }

  async current(): Promise<Revision> {
    this.#checkOpen()
    const revision = await this.#tracked(this.#kv.current())
    this.#feed.nudge(revision)
    return revision
  }

  async get(key: string, { at }: { readonly at?: Revision } = {}): Promise<Read> {
    this.#checkOpen()
    checkKey(key)
    if (at !== undefined) checkRevision(at, this.#kv.oldest, Infinity)
    if (at === 0) return { entry: undefined, revision: await this.#beginning() }
    const request = { key: this.#kv.dataPrefix + key, ...(at !== undefined && { revision: at }) }
    const { entries, revision } = await this.#tracked(this.#kv.range(request))
    const found = entries[0]
    return { entry: found && entryOf(found, this.#kv.dataPrefix), revision: at ?? revision }
  }

  async list(range: Range, { limit, at }: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    checkRange(range)
    checkLimit(limit)
    if (at !== undefined) checkRevision(at, this.#kv.oldest, Infinity)
    if (at === 0) return { entries: [], revision: await this.#beginning(), more: false, remaining: 0 }
    const listing = this.#tracked(this.#list(range, limit ?? Infinity, at))
    this.#lists.add(listing)
    try {
      return await listing
    } finally {
      this.#lists.delete(listing)
    }
  }

  create(key: string, value: Uint8Array, options: { readonly ttlMs?: number } = {}): Promise<Revision> {
    return this.#put(key, value, { on: 'createRevision', equals: 0 }, options.ttlMs)
  }

  update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    options: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    return this.#put(key, value, { on: 'modRevision', equals: expected }, options.ttlMs)
  }

  async delete(key: string, expected?: Revision): Promise<Deleted> {
    this.#checkOpen()
    checkKey(key)
    const condition = expected === undefined ? undefined : { on: 'modRevision' as const, equals: expected }
    const { revision, entry } = await this.#tracked(this.#kv.change(key, condition, undefined))
    if (!entry) throw missingError(key)
    this.#history?.note()
    return { revision, entry: entryOf(entry, this.#kv.dataPrefix) }
  }

  async *watch(range: Range, from: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    this.#checkOpen()
    checkRange(range)
    checkRevision(from, 0, Infinity)
    if (signal.aborted) return
    try {
      await this.#feed.start()
      await this.#reach(from, signal)
    } catch (error) {
      if (!signal.aborted && !this.#closing) throw error
    }
    if (!signal.aborted && !this.#closing) yield* this.#hub.watch(range, from, signal)
  }

  /** The feed may not yet have heard of a revision that a write has answered. */
  async #reach(from: Revision, signal: AbortSignal): Promise<void> {
    if (from <= this.#feed.revision) return
    const current = await this.#kv.current()
    if (from > current) throw futureError(from, current)
    await this.#feed.reach(from, signal)
  }

  /** Concerns the whole etcd: it keeps one history for all its tenants. */
  async compact(before: Revision): Promise<void> {
    this.#checkOpen()
    checkRevision(before, 0, Infinity)
    await Promise.allSettled(this.#lists)
    await this.#tracked(this.#kv.compact(before))
  }

  async compacted(): Promise<Revision> {
    this.#checkOpen()
    return this.#tracked(this.#kv.askOldest())
  }

  async skipTo(to: Revision, onProgress: (revision: Revision) => void = () => {}): Promise<void> {
    const { entries, revision } = await this.list({ prefix: '' }, { limit: 1 })
    checkSkip(to, { isEmpty: entries.length === 0 })
    if (to <= revision) return
    await this.#tracked(this.#kv.markTo(to, onProgress))
    await this.compact(await this.current())
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#history?.[Symbol.dispose]()
    this.#hub.end()
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls)
    await this.#feed[Symbol.asyncDispose]()
    await this.#client[Symbol.asyncDispose]()
  }

  async #put(
    key: string,
    value: Uint8Array,
    condition: Condition,
    ttlMs: number | undefined,
  ): Promise<Revision> {
    this.#checkOpen()
    checkKey(key)
    checkValue(key, value, { bytesMax: this.capabilities.valueBytesMax, advice: tooLarge })
    checkTtl(key, ttlMs)
    const put = { key: this.#kv.dataPrefix + key, value, lease: 0 }
    const writing =
      ttlMs === undefined
        ? this.#kv.change(key, condition, put)
        : this.#putWithLease(key, new Uint8Array(value), condition, ttlMs)
    const { revision } = await this.#tracked(writing)
    this.#history?.note()
    return revision
  }

  async #putWithLease(
    key: string,
    value: Uint8Array,
    condition: Condition,
    ttlMs: number,
  ): Promise<TxnResponse> {
    for (let attempt = 1; ; attempt++) {
      const lease = await this.#leases.leaseFor(ttlMs)
      try {
        return await this.#kv.change(key, condition, { key: this.#kv.dataPrefix + key, value, lease })
      } catch (error) {
        if (!(error instanceof Error && isLeaseMissing(error.cause)) || attempt > 1) throw error
        this.#leases.forget(lease)
      }
    }
  }

  async #list(range: Range, limit: number, at: Revision | undefined): Promise<Page> {
    const { dataPrefix } = this.#kv
    for (let attempt = 1; ; attempt++) {
      try {
        const ask = this.#kv.range.bind(this.#kv)
        const page = await listPages({ range, limit, at, dataPrefix, ask })
        return { ...page, more: page.remaining > 0 }
      } catch (error) {
        const isOvertaken = isStoreError(error, 'compacted') && at === undefined
        if (!isOvertaken || attempt === listAttemptsMax) throw error
      }
    }
  }

  /** Revision 0, if it still can be read: nothing was there. */
  async #beginning(): Promise<Revision> {
    const oldest = await this.compacted()
    if (oldest > 0) throw compactedError(0, oldest)
    return 0
  }

  #publish({ events, revision }: WatchStep): void {
    this.#hub.publish(events, revision)
    this.#kv.noteNewest(revision)
    this.#history?.note()
  }

  /** What watchers and callers hold is of a history that is no more. */
  #giveUp(error: StoreError): void {
    if (this.#givenUp) return
    this.#givenUp = error
    this.#options.logger.error('the store in etcd is given up', { error: error.message })
    this.#history?.[Symbol.dispose]()
    this.#hub.end(error)
    void this.#feed[Symbol.asyncDispose]()
    this.#options.onGivenUp?.(error)
  }

  /** Present watchers end with the reason; later ones begin where the feed begins anew. */
  #lose(error: StoreError): void {
    if (error.code === 'compacted') this.#kv.noteOldest(error.revision ?? 0)
    this.#hub.end(error)
    this.#hub = this.#createHub()
  }

  #createHub(): WatchHub {
    const { prefix, dataPrefix } = this.#kv
    const place = { client: this.#client, clock: this.#options.clock, prefix, dataPrefix }
    return createWatchHub({
      current: () => this.#feed.revision,
      oldest: () => this.#kv.oldest,
      replay: (range, from, to) => replay({ ...place, range, from, to, lastEvent: this.#feed.eventRevision }),
    })
  }

  #createHistory(): History {
    return createHistory({
      ...historyDefaults,
      ...this.#options,
      current: () => this.#kv.newest,
      oldest: () => this.#kv.oldest,
      compact: (before) => this.compact(before),
    })
  }

  async #tracked<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call)
    try {
      return await call
    } catch (error) {
      throw storeErrorOf(error)
    } finally {
      this.#calls.delete(call)
    }
  }

  #checkOpen(): void {
    if (this.#givenUp) throw this.#givenUp
    if (this.#closing) throw closedError()
  }
}
