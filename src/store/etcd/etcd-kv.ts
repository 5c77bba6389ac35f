import { compactedError, conflictError, existsError, futureError, missingError } from '../errors.ts'
import { isStoreError, type Revision, type StoreError } from '../store.ts'
import type { EtcdClient } from './etcd-client.ts'
import { isCompacted, isFuture, storeErrorOf, wentBackError } from './etcd-errors.ts'
import {
  compactRequest,
  methods,
  putRequest,
  putResponse,
  rangeRequest,
  rangeResponse,
  txnRequest,
  txnResponse,
  type Condition,
  type Header,
  type PutRequest,
  type RangeRequest,
  type RangeResponse,
  type TxnResponse,
} from './messages.ts'
import type { Parts } from './protobuf.ts'
import { openWatchStream } from './watch-stream.ts'

/**
 * Where a store lives in an etcd, and the requests that it makes there, with the store's errors.
 *
 *     PREFIX data KEY   an entry: mod_revision and create_revision are its revisions
 *     PREFIX mark       written so that its event tells how far a watch has come (`watch-feed.ts`)
 */
export interface EtcdKv {
  readonly prefix: string
  readonly dataPrefix: string
  /** The greatest revision that any answer has shown. */
  readonly newest: Revision
  /** The oldest revision that is kept, as far as is known. */
  readonly oldest: Revision
  noteNewest(revision: Revision): void
  noteOldest(revision: Revision): void
  /** Linearizable. `request.key` is etcd's. Throws `compacted` or `future`. */
  range(request: RangeRequest): Promise<RangeResponse>
  current(): Promise<Revision>
  /** Writes or deletes `key`, which is the store's; throws `exists`, `missing` or `conflict` where the condition does not hold. */
  change(key: string, condition: Condition | undefined, put: PutRequest | undefined): Promise<TxnResponse>
  /** Writes the mark; its revision. */
  mark(): Promise<Revision>
  /** Writes the mark until etcd is at `to`. */
  markTo(to: Revision, onProgress: (revision: Revision) => void): Promise<void>
  /** Asks etcd. */
  askOldest(): Promise<Revision>
  /** Throws `future`. To compact less than is compacted changes nothing. */
  compact(before: Revision): Promise<void>
}

/** One alone would wait for the disk each time; more than this make etcd no faster. */
const marksAtOnce = 512

export interface EtcdKvOptions {
  readonly client: EtcdClient
  readonly prefix: string
  /** An answer has shown that what earlier ones told is no more. It throws that, too. */
  readonly onWentBack: (error: StoreError) => void
}

export const createEtcdKv = (options: EtcdKvOptions): EtcdKv => new PrefixKv(options)

class PrefixKv implements EtcdKv {
  readonly prefix: string
  readonly dataPrefix: string
  newest: Revision = 0
  oldest: Revision = 0
  readonly #client: EtcdClient
  readonly #onWentBack: (error: StoreError) => void
  readonly #markKey: string
  #clusterId: number | undefined
  #asking: Promise<Revision> | undefined
  #askingNext: Promise<Revision> | undefined

  constructor({ client, prefix, onWentBack }: EtcdKvOptions) {
    this.#client = client
    this.#onWentBack = onWentBack
    this.prefix = prefix
    this.dataPrefix = `${prefix}data`
    this.#markKey = `${prefix}mark`
  }

  noteNewest(revision: Revision): void {
    this.newest = Math.max(this.newest, revision)
  }

  noteOldest(revision: Revision): void {
    this.oldest = Math.max(this.oldest, revision)
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    const seen = this.newest
    try {
      const answer = rangeResponse(await this.#client.ask(methods.range, rangeRequest(request)))
      this.#checkHistory(answer, seen)
      this.noteNewest(answer.revision)
      return answer
    } catch (error) {
      const at = request.revision ?? 0
      if (isFuture(error)) throw futureError(at, await this.current())
      if (isCompacted(error)) throw compactedError(at, await this.askOldest())
      throw storeErrorOf(error)
    }
  }

  /** A linearizable answer is never older than what was known when it was asked for. */
  #checkHistory({ clusterId, revision }: Header, seen: Revision): void {
    this.#clusterId ??= clusterId
    const isOther = clusterId !== this.#clusterId
    if (!isOther && revision >= seen) return
    const error = wentBackError(seen, isOther ? undefined : revision)
    this.#onWentBack(error)
    throw error
  }

  /** Who comes while one is being asked shares the next: it begins after all of them have called. */
  current(): Promise<Revision> {
    if (!this.#asking) return this.#askCurrent()
    this.#askingNext ??= this.#asking.then(
      () => this.#askCurrent(),
      () => this.#askCurrent(),
    )
    return this.#askingNext
  }

  #askCurrent(): Promise<Revision> {
    this.#askingNext = undefined
    const asking = this.range({ key: this.#markKey, keysOnly: true }).then(({ revision }) => revision)
    this.#asking = asking
    const done = () => {
      if (this.#asking === asking) this.#asking = undefined
    }
    asking.then(done, done)
    return asking
  }

  async change(
    key: string,
    condition: Condition | undefined,
    put: PutRequest | undefined,
  ): Promise<TxnResponse> {
    // In etcd a missing key has the revision 0: a condition of that would create it.
    const isRevision = (equals: number) => Number.isSafeInteger(equals) && equals > 0
    if (condition?.on === 'modRevision' && !isRevision(condition.equals)) return this.#refuse(key, condition)
    const message = txnRequest(this.dataPrefix + key, condition, put)
    const seen = this.newest
    const answer = await this.#write(methods.txn, message, key).then(txnResponse)
    this.#checkHistory(answer, seen)
    if (!answer.succeeded) {
      if (condition?.on === 'createRevision') throw existsError(key)
      if (!answer.entry) throw missingError(key)
      throw conflictError(key, condition?.equals ?? 0, answer.entry.modRevision)
    }
    this.noteNewest(answer.revision)
    return answer
  }

  async mark(): Promise<Revision> {
    const message = putRequest({ key: this.#markKey, value: new Uint8Array(), lease: 0 })
    try {
      return putResponse(await this.#client.ask(methods.put, message))
    } catch (error) {
      throw storeErrorOf(error)
    }
  }

  async markTo(to: Revision, onProgress: (revision: Revision) => void): Promise<void> {
    let revision = await this.current()
    let expected = revision
    const write = async () => {
      while (expected < to) {
        expected++
        revision = Math.max(revision, await this.mark())
        onProgress(revision)
      }
    }
    await Promise.all(Array.from({ length: marksAtOnce }, write))
  }

  /** etcd tells it only to who asks for too much: reading tells that, a watch from the beginning how much. */
  async askOldest(): Promise<Revision> {
    const probe = rangeRequest({ key: this.#markKey, revision: 1, keysOnly: true })
    try {
      await this.#client.ask(methods.range, probe)
    } catch (error) {
      if (!isCompacted(error)) throw storeErrorOf(error)
      this.noteOldest(await this.#refusedWatch())
    }
    return this.oldest
  }

  async compact(before: Revision): Promise<void> {
    if (before <= this.oldest) return
    try {
      await this.#client.ask(methods.compact, compactRequest(before))
      this.noteOldest(before)
    } catch (error) {
      if (isFuture(error)) throw futureError(before, await this.current())
      // Somebody else was there first: then there is nothing left to forget.
      if (!isCompacted(error)) throw storeErrorOf(error)
      await this.askOldest()
    }
  }

  async #refuse(key: string, { equals }: Condition): Promise<never> {
    const { entries } = await this.range({ key: this.dataPrefix + key, keysOnly: true })
    if (!entries[0]) throw missingError(key)
    throw conflictError(key, equals, entries[0].modRevision)
  }

  #refusedWatch(): Promise<Revision> {
    const { promise, resolve, reject } = Promise.withResolvers<Revision>()
    const onEnd = (error: Error) => {
      if (isStoreError(error, 'compacted')) resolve(error.revision ?? 0)
      else reject(error)
    }
    const place = { client: this.#client, prefix: this.#markKey, dataPrefix: this.dataPrefix, from: 1 }
    openWatchStream({ ...place, onStep: () => {}, onEnd }).catch((error: unknown) =>
      reject(storeErrorOf(error)),
    )
    return promise
  }

  async #write(method: string, message: Parts, key: string): Promise<Buffer> {
    try {
      return await this.#client.write(method, message)
    } catch (error) {
      throw storeErrorOf(error, key)
    }
  }
}
