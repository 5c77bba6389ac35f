import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import type { Logger } from '../../base/logger.ts'
import { checkKey, checkLimit, checkRange, checkRevision, checkTtl, checkValue } from '../bounds.ts'
import { closedError, futureError } from '../errors.ts'
import { createExpiry, type Expiry } from '../expiry.ts'
import { createGroupCommit, type again, type GroupCommit } from '../group-commit.ts'
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
  type StoreCapabilities,
  type StoreError,
  type WatchBatch,
} from '../store.ts'
import { createWatchHub, type WatchHub } from '../watchers.ts'
import { createCompactor, type Compactor } from './compact.ts'
import { openConnections, type Connections } from './connections.ts'
import { badRowError } from './postgres-errors.ts'
import { parsePostgresUrl } from './postgres-url.ts'
import { createReader, type Head, type Reader } from './read.ts'
import type { Session } from './session.ts'
import { skipTo } from './skip.ts'
import { createTail, type Tail } from './tail.ts'
import {
  eventsOfGroup,
  writeGroup,
  writeStatements,
  type PendingWrite,
  type WriteStatements,
  type Written,
} from './write.ts'

export interface PostgresOptions extends Partial<HistoryLimits> {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
  readonly onGivenUp?: (error: StoreError) => void
  /** How long the server may take to answer before it counts as lost. */
  readonly answerMsMax?: number
  /** How long a call waits for a server that takes writes, as during a failover. */
  readonly searchMsMax?: number
  /** How often the log is read without being told to. */
  readonly pollMs?: number
  /** So much too late the keys expire that another replica wrote and did not live to delete. */
  readonly sweepMs?: number
}

const defaults = {
  ...historyDefaults,
  answerMsMax: 10_000,
  searchMsMax: 5_000,
  pollMs: 1_000,
  sweepMs: 10_000,
}
type Settings = PostgresOptions & typeof defaults

/**
 * A store in PostgreSQL, for any number of processes. `rest` is the URL after `postgres:` (see `postgres-url.ts`); the
 * tables are created if need be.
 *
 * Throws `invalid` for a bad URL, `newer` or `corrupt` for tables that are not to be touched, and `unavailable` when no
 * server that takes writes answers.
 */
export async function openPostgresStore(rest: string, options: PostgresOptions): Promise<Store> {
  const settings = { ...defaults, ...options }
  const target = parsePostgresUrl(rest)
  const connections = await openConnections(target, settings)
  try {
    const reader = createReader(target.schema)
    const head = await connections.read((session) => reader.head(session))
    return new PostgresStore({ schema: target.schema, connections, reader, head, settings })
  } catch (error) {
    await connections[Symbol.asyncDispose]()
    throw error
  }
}

interface Parts {
  readonly schema: string
  readonly connections: Connections
  readonly reader: Reader
  readonly head: Head
  readonly settings: Settings
}

class PostgresStore implements Store {
  readonly capabilities: StoreCapabilities
  readonly #schema: string
  readonly #settings: Settings
  readonly #connections: Connections
  readonly #reader: Reader
  readonly #compactor: Compactor
  readonly #writeStatements: WriteStatements
  readonly #writes: GroupCommit<PendingWrite, Written>
  readonly #tail: Tail
  readonly #expiry: Expiry
  readonly #history: History
  readonly #stopSweeps: () => void
  #hub: WatchHub
  /** Answers the callers of `current` that come while a question is on its way: it may have been asked too early for them. */
  #nextHead: Promise<Head> | undefined
  #heads: Promise<unknown> = Promise.resolve()
  /** The server's process that carried out the last group. */
  #writerProcess: number | undefined
  #broken: StoreError | undefined
  #closing: Promise<void> | undefined

  constructor({ schema, connections, reader, head, settings }: Parts) {
    const { clock, logger, historyMs, historyRevisionsMax } = settings
    this.capabilities = { durable: connections.isDurable, shared: true, valueBytesMax, skipsFreely: true }
    this.#schema = schema
    this.#settings = settings
    this.#connections = connections
    this.#reader = reader
    this.#compactor = createCompactor(schema)
    this.#writeStatements = writeStatements(schema)
    this.#hub = this.#createHub()
    this.#tail = this.#createTail(schema, head)
    connections.onNewSession((session) => this.#checkHistory(session))
    this.#writes = createGroupCommit((writes) => this.#commit(writes), { isRemote: true })
    this.#expiry = createExpiry({ clock, logger, sweep: (nowMs) => this.#sweep(nowMs) })
    this.#stopSweeps = clock.every(settings.sweepMs, () => this.#expiry.note(this.#expiry.nowMs()))
    this.#expiry.note(this.#expiry.nowMs())
    const current = () => this.#tail.revision
    const oldest = () => this.#tail.compacted
    const compact = (before: Revision) => this.compact(before)
    this.#history = createHistory({ clock, logger, historyMs, historyRevisionsMax, current, oldest, compact })
  }

  async current(): Promise<Revision> {
    return (await this.#head()).revision
  }

  async get(key: string, { at }: { readonly at?: Revision } = {}): Promise<Read> {
    this.#checkOpen()
    checkKey(key)
    if (at !== undefined) checkRevision(at, 0, Infinity)
    return this.#connections.read((session) => this.#reader.get(session, key, at))
  }

  async list(range: Range, options: ListOptions = {}): Promise<Page> {
    this.#checkOpen()
    checkRange(range)
    checkLimit(options.limit)
    if (options.at !== undefined) checkRevision(options.at, 0, Infinity)
    return this.#connections.read((session) => this.#reader.list(session, range, options))
  }

  async create(
    key: string,
    value: Uint8Array,
    { ttlMs }: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, ttlMs)
    return (await this.#put({ type: 'create', key, value, expected: undefined }, ttlMs)).revision
  }

  async update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    { ttlMs }: { readonly ttlMs?: number } = {},
  ): Promise<Revision> {
    this.#checkWrite(key, value, ttlMs)
    return (await this.#put({ type: 'update', key, value, expected }, ttlMs)).revision
  }

  async delete(key: string, expected?: Revision): Promise<Deleted> {
    this.#checkOpen()
    checkKey(key)
    const write = { type: 'delete', key, value: new Uint8Array(), expected, ttlMs: 0 } as const
    const { revision, createRevision, replaced, previous } = await this.#writes.submit(write)
    if (!previous) throw badRowError(`the deletion of "${key}" gave back no value`)
    return { revision, entry: { key, value: previous, revision: replaced, createRevision } }
  }

  async *watch(range: Range, from: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    this.#checkOpen()
    checkRange(range)
    if (signal.aborted) return
    // The hub knows what the tail has told; a caller may know of a later write, by another replica even.
    const head = await this.#head()
    checkRevision(from, head.compacted, head.revision)
    await this.#tail.reach(head.revision, signal)
    yield* this.#hub.watch(range, from, signal)
  }

  /** Resolves when older revisions are refused, and their rows gone or being dropped by another replica. */
  async compact(before: Revision): Promise<void> {
    const { revision } = await this.#head()
    if (before > revision) throw futureError(before, revision)
    // The watchers of this process see everything before it is forgotten.
    await this.#tail.reach(before, new AbortController().signal)
    await this.#connections.read((session) => this.#compactor.mark(session, before))
    this.#tail.noteCompacted(before)
    for (let isMore = true; isMore;) {
      this.#checkOpen()
      isMore = await this.#connections.read((session) => this.#compactor.step(session))
    }
  }

  async compacted(): Promise<Revision> {
    return (await this.#head()).compacted
  }

  async skipTo(to: Revision): Promise<void> {
    this.#checkOpen()
    const skipped = { schema: this.#schema, to, stamp: this.#newStamp() }
    await this.#connections.write((session) => skipTo(session, skipped))
    await this.#tail.reach(to, new AbortController().signal)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Writes that were accepted are finished. */
  async #close(): Promise<void> {
    this.#stop()
    await this.#writes.idle()
    // At once, because the tail may be waiting for a connection.
    await Promise.all([this.#tail[Symbol.asyncDispose](), this.#connections[Symbol.asyncDispose]()])
  }

  #stop(error?: StoreError): void {
    this.#expiry[Symbol.dispose]()
    this.#history[Symbol.dispose]()
    this.#stopSweeps()
    this.#hub.end(error)
  }

  /** Nothing more can be promised: whoever holds something of this store in memory has to begin anew. */
  #break(error: StoreError): void {
    if (this.#broken) return
    this.#broken = error
    this.#settings.logger.error('the store in PostgreSQL is given up', { error: error.message })
    this.#stop(error)
    this.#settings.onGivenUp?.(error)
  }

  #createHub(): WatchHub {
    return createWatchHub({
      current: () => this.#tail.revision,
      oldest: () => this.#tail.compacted,
      replay: (range, from, to) =>
        this.#connections.read((session) => this.#reader.replay(session, range, { from, to })),
    })
  }

  #createTail(schema: string, head: Head): Tail {
    const { clock, random, logger, pollMs, answerMsMax } = this.#settings
    return createTail({
      ...head,
      clock,
      random,
      logger,
      pollMs,
      schema,
      reachMsMax: answerMsMax,
      connect: (signal) => this.#connections.connect(signal),
      attend: () => this.#connections.attend(),
      isOwn: (processId) => processId === this.#writerProcess,
      read: (session, from) =>
        this.#reader.log(session, { prefix: '' }, { from, to: Number.MAX_SAFE_INTEGER }),
      onEvents: (events, revision, stamp) => {
        this.#connections.remember(revision, stamp)
        this.#hub.publish(events, revision)
        this.#history.note()
      },
      onGap: (error) => {
        this.#hub.end(error)
        this.#hub = this.#createHub()
      },
      onBroken: (error) => this.#break(error),
    })
  }

  #put(write: Omit<PendingWrite, 'ttlMs'>, ttlMs = 0): Promise<Written> {
    const written = this.#writes.submit({ ...write, value: new Uint8Array(write.value), ttlMs })
    if (ttlMs > 0) this.#expiry.note(Math.ceil(this.#expiry.nowMs() + ttlMs))
    return written
  }

  async #commit(writes: readonly PendingWrite[]): Promise<(Written | StoreError | typeof again)[]> {
    const stamp = this.#newStamp()
    try {
      const results = await this.#connections.write((session) => {
        this.#writerProcess = session.processId
        return writeGroup(session, this.#writeStatements, { writes, stamp })
      })
      const events = eventsOfGroup(writes, results)
      if (!events) this.#tail.nudge()
      else if (events.length > 0 && !this.#tail.offer(events, stamp)) this.#tail.nudge()
      return results
    } catch (error) {
      this.#tail.nudge() // it may have been committed all the same
      throw error
    }
  }

  #newStamp(): string {
    return String(Math.floor(this.#settings.random.float() * Number.MAX_SAFE_INTEGER))
  }

  /** One question answers all who asked before it was sent; so many callers cost two at a time. */
  #head(): Promise<Head> {
    this.#checkOpen()
    if (!this.#nextHead) {
      const previous = this.#heads
      const ask = async () => {
        await previous
        this.#nextHead = undefined
        return this.#connections.read((session) => this.#reader.head(session))
      }
      this.#nextHead = ask()
      this.#heads = this.#nextHead.catch(() => {}) // whoever asked is told
    }
    return this.#nextHead
  }

  /** Deletes what is due by the server's clock. Another replica may do the same: then its keys are gone, or no longer due. */
  async #sweep(nowMs: number): Promise<number | undefined> {
    const { keys, nextMs } = await this.#connections.read((session) => this.#reader.due(session))
    const deletions = keys.map(({ key, revision }) => this.delete(key, revision))
    for (const result of await Promise.allSettled(deletions)) {
      if (result.status === 'fulfilled') continue
      if (!isStoreError(result.reason, 'conflict') && !isStoreError(result.reason, 'missing'))
        throw result.reason
    }
    if (keys.length > 0) return nowMs
    return nextMs === undefined ? undefined : nowMs + nextMs
  }

  #checkHistory(session: Session): Promise<void> {
    return this.#connections.checkHistory(session, this.#reader).catch((error: unknown) => {
      if (isStoreError(error, 'corrupt')) this.#break(error)
      throw error
    })
  }

  #checkWrite(key: string, value: Uint8Array, ttlMs: number | undefined): void {
    this.#checkOpen()
    checkKey(key)
    checkValue(key, value)
    checkTtl(key, ttlMs)
  }

  #checkOpen(): void {
    if (this.#broken) throw this.#broken
    if (this.#closing) throw closedError()
  }
}
