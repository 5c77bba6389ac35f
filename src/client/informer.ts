import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { keyOf, type KubeObject } from '../api/meta.ts'
import { isExpired } from '../api/status.ts'
import type { Client, ResourceRef } from './client.ts'
import { watchProgress } from './watch-progress.ts'
import { indexedCache, type IndexFunctions, type IndexedCache } from './indexed-cache.ts'

/**
 * A local copy of a resource that follows the server: it lists once, watches on, and lists again when the server no
 * longer keeps the revision it stands at. Objects are shared and must not be written to.
 *
 * Promises: after `synced`, the cache is some state that the server had, and moves forward only. Handlers are called
 * for each difference, in order, after the cache holds it; they get at least the latest state of each object, but
 * states in between may be skipped. Losing the server changes nothing in the cache.
 */
export interface Informer<T extends KubeObject> extends AsyncDisposable, IndexedCache<T> {
  /** Resolves after the first whole state has arrived and handlers have seen it. Rejects when disposed before. */
  readonly synced: Promise<void>
  readonly isSynced: boolean
  /** Whether the cache holds everything up to this revision; a write's answer carries the revision to ask for. */
  hasSeen(resourceVersion: string): boolean
  /** Resolves when `hasSeen` has become true; rejects with the signal's reason. */
  seen(resourceVersion: string, signal: AbortSignal): Promise<void>
  /** Calls `handler` for each change from now on, and at once with every object already there. */
  onChange(handler: (change: Change<T>) => void): void
}

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
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** A watch that lived this long was a good one: the next try comes quickly. */
const healthyMs = 5_000
const retryBackoff = { baseMs: 50, factor: 2, capMs: 5_000, jitter: 0.5 }

export function openInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { clock, random } = options
  const logger = options.logger.with({ informer: options.resource.plural })
  const stop = new AbortController()
  const synced = deferred()
  synced.promise.catch(() => {}) // nobody may be waiting; whoever is sees the rejection
  const handlers: ((change: Change<T>) => void)[] = []
  const cache = indexedCache<T>(options.indexes ?? {})
  const progress = watchProgress()
  let isSynced = false
  const notify = (change: Change<T>) => {
    for (const handler of handlers) handler(change)
  }
  const onSynced = () => {
    isSynced = true
    synced.resolve()
  }
  const follower = follow(options, { cache, notify, onSynced, onRevision: progress.reach })

  const run = async () => {
    let failures = 0
    while (!stop.signal.aborted) {
      const startMs = clock.monotonicMs()
      try {
        await follower(stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        if (!isExpired(error)) logger.debug('watch ended, trying again', { error, failures })
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
    seen: progress.reached,
    onChange(handler) {
      handlers.push(handler)
      for (const object of cache.list()) handler({ type: 'added', object, previous: undefined })
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('informer disposed'))
      synced.reject(new Error('the informer was disposed before its first sync'))
      await running
    },
  }
}

/**
 * One watch, from where the last one ended. The first (and any after a 410) asks for the initial events: they are
 * collected and put in place of the cache's content at the bookmark that ends them.
 */
function follow<T extends KubeObject>(
  { client, resource, namespace, labelSelector, fieldSelector, transform = (o) => o }: InformerOptions<T>,
  { cache, notify, onSynced, onRevision }: Sink<T>,
) {
  let resourceVersion: string | undefined
  const set = (object: T) => {
    const previous = cache.set(keyOf(object), object)
    if (previous === undefined) notify({ type: 'added', object, previous })
    else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion)
      notify({ type: 'updated', object, previous })
  }
  const remove = (key: string, last?: T) => {
    const previous = cache.remove(key)
    if (previous) notify({ type: 'deleted', object: last ?? previous, previous })
  }
  const replace = (initial: ReadonlyMap<string, T>) => {
    for (const key of cache.keys()) if (!initial.has(key)) remove(key)
    for (const object of initial.values()) set(object)
    onSynced()
  }

  return async (signal: AbortSignal) => {
    let initial: Map<string, T> | undefined = resourceVersion === undefined ? new Map() : undefined
    const events = client.resource<T>(resource).watch({
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(resourceVersion === undefined ? { sendInitialEvents: true } : { resourceVersion }),
      signal,
    })
    try {
      for await (const event of events) {
        const version = event.object.metadata.resourceVersion
        if (event.type === 'BOOKMARK') {
          const ends = event.object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true'
          if (initial && ends) {
            replace(initial)
            initial = undefined
          }
        } else {
          const object = transform(event.object)
          const key = keyOf(object)
          if (initial) collect(initial, key, event.type === 'DELETED' ? undefined : object)
          else if (event.type === 'DELETED') remove(key, object)
          else set(object)
        }
        if (initial) continue
        resourceVersion = version
        onRevision(version)
      }
    } catch (error) {
      if (isExpired(error)) resourceVersion = undefined
      throw error
    }
  }
}

interface Sink<T extends KubeObject> {
  readonly cache: MutableCache<T>
  readonly notify: (change: Change<T>) => void
  readonly onSynced: () => void
  readonly onRevision: (resourceVersion: string | undefined) => void
}

function collect<T>(initial: Map<string, T>, key: string, object: T | undefined): void {
  if (object === undefined) initial.delete(key)
  else initial.set(key, object)
}

type MutableCache<T extends KubeObject> = ReturnType<typeof indexedCache<T>>
