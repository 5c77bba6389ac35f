import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import type { Random } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { deepFreeze } from '../api/freeze.ts'
import { keyOf, type KubeObject } from '../api/meta.ts'
import { isExpired, isTooLargeResourceVersion } from '../api/status.ts'
import type { Client, ResourceRef } from './client.ts'
import {
  indexedCache,
  type IndexFunctions,
  type IndexedCache,
  type MutableIndexedCache,
} from './indexed-cache.ts'
import { watchProgress, type WatchProgress } from './watch-progress.ts'

/**
 * A local copy of a resource that follows the server: it asks for the whole state once, watches on from there, and asks
 * for the whole state again when the server no longer keeps the revision it stands at.
 *
 *   whole state ──▶ watch ──end, cut──▶ watch from the last event or bookmark
 *        ▲            │
 *        └────410─────┘
 *
 * Promises: after `synced`, the cache is some state that the server had, and moves forward only. Handlers are called
 * for each difference, in order, after the cache holds it; they get at least the latest state of each object, but
 * states in between may be skipped. An object that was deleted and made again is told as 'deleted' and 'added', whether
 * or not the watch saw both. Losing the server changes nothing in the cache.
 *
 * Objects are shared and must not be written to.
 */
export interface Informer<T extends KubeObject> extends AsyncDisposable, IndexedCache<T> {
  /** Resolves after the first whole state has arrived and handlers have seen it. Rejects when disposed before. */
  readonly synced: Promise<void>
  readonly isSynced: boolean
  /** Whether the cache holds everything up to this revision; a write's answer carries the revision to ask for. */
  hasSeen(resourceVersion: string): boolean
  /** Resolves when `holds()`, which is asked now and whenever the cache has moved; rejects with the signal's reason. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void>
  /** Calls `handler` for each change from now on, and at once with every object already there, until the returned function is called. */
  onChange(handler: ChangeHandler<T>): () => void
}

export type ChangeHandler<T> = (change: Change<T>) => void

export type Change<T> =
  | { readonly type: 'added'; readonly object: T; readonly previous: undefined }
  | { readonly type: 'updated'; readonly object: T; readonly previous: T }
  | { readonly type: 'deleted'; readonly object: T; readonly previous: T }

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client
  readonly resource: ResourceRef
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly indexes?: IndexFunctions<T>
  /** Drops what the process doesn't need before an object is kept. */
  readonly transform?: (object: T) => T
  /** For tests and development: a write to a shared object throws where it happens. */
  readonly freezes?: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** A watch that lived this long was a good one: the next try comes quickly. */
const healthyMs = 5_000
const retryBackoff = { baseMs: 50, factor: 2, capMs: 5_000, jitter: 0.5 }
/**
 * Servers tell at least once a minute how far they are. After two to four minutes of silence nobody is there: a machine that is
 * gone, or an address that has changed, ends no connection.
 */
const silentMs = 2 * 60_000
/** Failures in a row that an operator should hear of: with the back-off above, a server that was gone for some seconds. */
const failuresToTell = 7

export function openInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { clock, random } = options
  const logger = options.logger.with({ informer: options.resource.plural })
  const stop = new AbortController()
  const synced = deferred()
  synced.promise.catch(() => {}) // nobody may be waiting; whoever is sees the rejection
  const handlers = new Set<ChangeHandler<T>>()
  const cache = indexedCache<T>(options.indexes ?? {})
  const progress = watchProgress()
  let isSynced = false
  const tell = (handler: ChangeHandler<T>, change: Change<T>) => {
    try {
      handler(change)
    } catch (error) {
      // One handler's fault must not hide the change from the others, nor make the watch start over.
      logger.error('a handler of changes failed', { key: keyOf(change.object), error: describeError(error) })
    }
  }
  const notify = (change: Change<T>) => {
    for (const handler of handlers) tell(handler, change)
  }
  const onSynced = () => {
    isSynced = true
    synced.resolve()
  }
  const follow = follower(options, { cache, notify, onSynced, progress })

  const run = async () => {
    let failures = 0
    while (!stop.signal.aborted) {
      const startMs = clock.monotonicMs()
      try {
        await follow(stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        const level = failures === failuresToTell ? 'warn' : 'debug'
        logger[level]('watching failed, trying again', { failures, error: describeError(error) })
      }
      if (clock.monotonicMs() - startMs > healthyMs) failures = 0
      await clock.sleep(backoffMs(failures++, retryBackoff, random), stop.signal).catch(() => {}) // aborted: the loop ends
    }
  }
  const running = run()
  return {
    get: cache.get,
    getByKey: cache.getByKey,
    list: cache.list,
    byIndex: cache.byIndex,
    get size() {
      return cache.size
    },
    synced: synced.promise,
    get isSynced() {
      return isSynced
    },
    hasSeen: progress.hasReached,
    until: progress.until,
    onChange(handler) {
      const own: ChangeHandler<T> = (change) => handler(change) // a handler given twice is two handlers
      handlers.add(own)
      for (const object of cache.list()) tell(own, { type: 'added', object, previous: undefined })
      return () => void handlers.delete(own)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('informer disposed'))
      synced.reject(new Error('the informer was disposed before its first sync'))
      await running
    },
  }
}

interface Sink<T extends KubeObject> {
  readonly cache: MutableIndexedCache<T>
  readonly notify: (change: Change<T>) => void
  readonly onSynced: () => void
  readonly progress: WatchProgress
}

/**
 * One watch per call, from where the last one ended. The first (and any after a 410) asks for the initial events: they
 * are collected and put in place of the cache's content at the bookmark that ends them.
 */
function follower<T extends KubeObject>(options: InformerOptions<T>, sink: Sink<T>) {
  const { client, clock, resource, namespace, labelSelector, fieldSelector } = options
  const { set, remove, replace } = writer(sink)
  const keep = (object: T) => {
    const thin = withoutOwners(object)
    const kept = options.transform ? options.transform(thin) : thin
    return options.freezes ? deepFreeze(kept) : kept
  }
  let resourceVersion: string | undefined

  return async (signal: AbortSignal) => {
    let initial: Map<string, T> | undefined = resourceVersion === undefined ? new Map() : undefined
    using silence = silenceAlarm(clock, signal)
    const events = client.resource<T>(resource).watch({
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(resourceVersion === undefined ? { sendInitialEvents: true } : { resourceVersion }),
      signal: silence.signal,
    })
    try {
      for await (const { type, object: received } of events) {
        silence.hear()
        const version = received.metadata.resourceVersion
        if (initial) {
          if (type === 'BOOKMARK') {
            if (!endsInitialEvents(received)) continue
            replace(initial, version)
            initial = undefined
            resourceVersion = version
          } else if (type === 'DELETED') initial.delete(keyOf(received))
          else initial.set(keyOf(received), keep(received))
          continue
        }
        if (type === 'DELETED') remove(keyOf(received), keep(received))
        else if (type !== 'BOOKMARK') set(keep(received))
        resourceVersion = version
        sink.progress.reach(version)
      }
    } catch (error) {
      // Compacted here, or (after a restore from a backup) never reached there: only the whole state helps.
      if (isExpired(error) || isTooLargeResourceVersion(error)) resourceVersion = undefined
      throw error
    }
  }
}

/** Its signal aborts with `parent`, or when nothing has been heard for `silentMs`. */
function silenceAlarm(clock: Clock, parent: AbortSignal) {
  const silent = new AbortController()
  let isHeard = false
  const stop = clock.every(silentMs, () => {
    if (!isHeard) silent.abort(new Error(`nothing was heard for ${silentMs / 1_000} s`))
    isHeard = false
  })
  return {
    signal: AbortSignal.any([silent.signal, parent]),
    hear: () => void (isHeard = true),
    [Symbol.dispose]: stop,
  }
}

const endsInitialEvents = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.['k8s.io/initial-events-end'] === 'true'

/** Every way in which the cache changes, each told to the handlers. */
function writer<T extends KubeObject>({ cache, notify, onSynced, progress }: Sink<T>) {
  const remove = (key: string, last?: T) => {
    const previous = cache.remove(key)
    if (previous) notify({ type: 'deleted', object: last ?? previous, previous })
  }
  const set = (object: T) => {
    const key = keyOf(object)
    // A namesake: whoever looks after the old one by its uid must hear that it is gone.
    if (cache.getByKey(key)?.metadata.uid !== object.metadata.uid) remove(key)
    const previous = cache.set(key, object)
    if (previous === undefined) notify({ type: 'added', object, previous })
    else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion)
      notify({ type: 'updated', object, previous })
  }
  const replace = (state: ReadonlyMap<string, T>, resourceVersion: string | undefined) => {
    for (const key of cache.keys()) if (!state.has(key)) remove(key)
    for (const object of state.values()) set(object)
    progress.restart(resourceVersion)
    onSynced()
  }
  return { set, remove, replace }
}

/**
 * Who owns which field is half of an object's size and of no use to a reader; a write that leaves it out leaves it as it
 * is on the server.
 */
function withoutOwners<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object
  const { managedFields: _left, ...metadata } = object.metadata
  return { ...object, metadata }
}
