/**
 * The store: keys, bytes and one global revision. It knows no kinds, no JSON, no HTTP.
 *
 * Start reading here, then `memory/` (the shortest implementation) and `conformance.ts` (the contract as tests,
 * which each backend passes unchanged). Only `apiserver/` imports this room.
 *
 * Model: every acknowledged write takes a revision, a positive integer greater than those of all writes before it,
 * also across restarts and compactions. The state at revision R is the result of the writes up to R. Revisions need
 * not be consecutive: an engine that others use too counts their writes as well. Keys that the store deletes in the
 * same moment, because they expired, may share one revision; each other write has its own. A key is a non-empty
 * string of at most 1,024 bytes, ordered by its UTF-8 bytes; a value is at most 4 MiB, or what `capabilities` says.
 */

/** A point in the store's history. 0 comes before all writes; a store that nobody wrote to may be at a later one. A safe integer. */
export type Revision = number

export interface Entry {
  readonly key: string
  /** Owned by the store: never written to by a caller. */
  readonly value: Uint8Array
  /** The revision of the write that produced `value`. */
  readonly revision: Revision
  /** The revision of the create that began this life of the key. */
  readonly createRevision: Revision
}

export interface Read {
  /** Absent when the key did not exist at `revision`. */
  readonly entry: Entry | undefined
  /** The store's revision at which the answer holds. */
  readonly revision: Revision
}

/** All keys that start with `prefix`, in key order; with `after`, only those greater than it (exclusive). */
export interface Range {
  readonly prefix: string
  readonly after?: string
}

export interface ListOptions {
  /** At most this many entries; unset means all. */
  readonly limit?: number
  /** The state as of this revision; unset means now. Throws `compacted` or `future` when it can't be served. */
  readonly at?: Revision
}

export interface Page {
  readonly entries: readonly Entry[]
  readonly revision: Revision
  /** True when `limit` cut the list; go on with `after: <last key>` and `at: <revision>`. */
  readonly more: boolean
  /** Entries in the range beyond this page. */
  readonly remaining: number
}

export interface StoreEvent {
  readonly type: 'create' | 'update' | 'delete'
  readonly key: string
  /** The value written; for `delete`, the last value. */
  readonly value: Uint8Array
  /** The value replaced; absent for `create`. */
  readonly previous: Uint8Array | undefined
  readonly revision: Revision
  readonly createRevision: Revision
}

/**
 * A step of a watch: events in revision order, and the revision up to which the watcher has now seen everything in
 * its range: events that share a revision come in one batch. A batch may be empty: then it only says how far the watch has come (progress).
 */
export interface WatchBatch {
  readonly events: readonly StoreEvent[]
  readonly revision: Revision
}

export interface Deleted {
  readonly revision: Revision
  readonly entry: Entry
}

export interface StoreCapabilities {
  /** Acknowledged writes survive `kill -9` and power loss. */
  readonly durable: boolean
  /** Several processes may open it at once. */
  readonly shared: boolean
  /** The largest value that it takes, at most the constant of this name. */
  readonly valueBytesMax: number
  /** `skipTo` takes no time; otherwise each revision that is left out costs a write. */
  readonly skipsFreely: boolean
}

export interface Store extends AsyncDisposable {
  readonly capabilities: StoreCapabilities

  /** The latest revision, linearizable: at least that of every write acknowledged before the call, by anyone. */
  current(): Promise<Revision>

  /** One key, now or (`at`) as of a kept revision. */
  get(key: string, options?: { readonly at?: Revision }): Promise<Read>

  /** A consistent snapshot of a range in key order. */
  list(range: Range, options?: ListOptions): Promise<Page>

  /** Adds a key. Resolves with its revision once the write is durable. Throws `exists`. `ttlMs`: the store deletes the key about that much later (never sooner), as an ordinary delete. */
  create(key: string, value: Uint8Array, options?: { readonly ttlMs?: number }): Promise<Revision>

  /** Replaces the value if its revision still is `expected`. Resolves once durable. Throws `missing` or `conflict` (with the present revision). `ttlMs` as in `create`; without it the key no longer expires. */
  update(
    key: string,
    value: Uint8Array,
    expected: Revision,
    options?: { readonly ttlMs?: number },
  ): Promise<Revision>

  /** Removes a key, if its revision is `expected` where given. Resolves once durable. Throws `missing` or `conflict`. */
  delete(key: string, expected?: Revision): Promise<Deleted>

  /**
   * Every change in the range after revision `from` (exclusive), each once, in order, without gaps: first the past,
   * then live, until `signal` aborts (the iteration then ends without an error) or the store is disposed.
   *
   * The first batch arrives at once, even if empty. A watcher more than `watchBacklogMax` events behind ends with
   * `lagging`: list again and watch from there. Throws `compacted` when `from` is older than what is kept, `future` when it is newer than now.
   */
  watch(range: Range, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>

  /** Forgets history before `before`: reads `at` and watches `from` an older revision throw `compacted`. The present state is untouched. Idempotent. */
  compact(before: Revision): Promise<void>

  /** The oldest revision that can still be read `at`. */
  compacted(): Promise<Revision>

  /**
   * Leaves out revisions, so that the next write takes one above `to`; up to there all count as compacted. Throws `invalid`
   * unless the store is empty and its history compacted. Nothing is done where `to` has been reached. Where it takes time,
   * `onProgress` is told of the revision that it has come to.
   */
  skipTo(to: Revision, onProgress?: (revision: Revision) => void): Promise<void>
}

/** Events that a watcher may be behind before it is cut off: some seconds of a busy cluster, some tens of MiB. */
export const watchBacklogMax = 20_000
export const keyBytesMax = 1_024
/** Above the 3 MiB that the API accepts in a body: defaulting and managedFields may add to an object. */
export const valueBytesMax = 4 * 1024 * 1024

export type StoreErrorCode =
  | 'exists' // create: the key is there
  | 'missing' // update, delete: the key is not there
  | 'conflict' // update, delete: `expected` is not the key's revision
  | 'compacted' // the revision asked for is no longer kept
  | 'future' // the revision asked for has not happened
  | 'lagging' // a watcher fell too far behind
  | 'full' // the disk is full: nothing was written; reads go on
  | 'invalid' // key or value out of bounds
  | 'sealed' // the value is encrypted, and its key is not there or does not open it; the message names the key
  | 'corrupt' // the data on disk fail their checks; the message names the file and the next step
  | 'newer' // the data on disk were written by a later Sampan
  | 'busy' // another process holds an unshared store
  | 'unavailable' // the engine can't be reached or was closed; the outcome of a write is unknown

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly key: string | undefined
  /** `conflict`: the key's present revision. `compacted`: the oldest kept. `future`: the current one. `sealed`: of the value that was read. */
  readonly revision: Revision | undefined
  constructor(
    code: StoreErrorCode,
    message: string,
    details: { readonly key?: string; readonly revision?: Revision; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause })
    this.code = code
    this.key = details.key
    this.revision = details.revision
  }
}

export const isStoreError = (error: unknown, code?: StoreErrorCode): error is StoreError =>
  error instanceof StoreError && (code === undefined || error.code === code)
