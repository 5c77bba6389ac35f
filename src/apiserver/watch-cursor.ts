/**
 * One watcher's place in a resource's changes. It holds no events of its own: it reads the ring at the pace of its client,
 * and is told when it has been overtaken. Where the client asks for a revision that the ring no longer has, the
 * store's history fills the stretch before it.
 */
import type { Revision } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import { CacheEvent, type EventRing, type EventType } from './event-ring.ts'
import type { Selection } from './selection.ts'
import type { WatchCache } from './watch-cache.ts'

/** What a watcher sees of a change: a selector may turn a MODIFIED into an ADDED or a DELETED. */
export interface Seen {
  readonly type: EventType
  readonly object: CachedObject
  /** The change behind it, which keeps encoded frames for all watchers. */
  readonly event: CacheEvent
}

/** Events looked at before the client gets something: keeps one watcher from holding the thread. */
const takeMax = 256

/** `gap`: the cache had to list afresh. `slow`: the ring has gone past the cursor. */
export type Taken = readonly Seen[] | 'gap' | 'slow'

export class WatchCursor {
  readonly #cache: WatchCache
  readonly #ring: EventRing
  readonly #selection: Selection
  #position: number
  #revision: Revision

  /** Changes after `from`, which the cache's ring still has. Only while the cache is loaded. */
  constructor(cache: WatchCache, selection: Selection, from: Revision) {
    this.#cache = cache
    this.#ring = cache.ring
    this.#selection = selection
    this.#position = this.#ring.positionAfter(from)
    this.#revision = from
  }

  /** The watcher has been shown everything up to here. */
  get revision(): Revision {
    return this.#revision
  }

  /** The next changes that concern the watcher; empty when it is up to date. */
  take(): Taken {
    if (this.#cache.liveRing !== this.#ring) return 'gap'
    const seen: Seen[] = []
    const end = Math.min(this.#ring.end, this.#position + takeMax)
    while (this.#position < end || (seen.length === 0 && this.#position < this.#ring.end)) {
      const event = this.#ring.at(this.#position)
      if (!event) return 'slow'
      this.#position++
      this.#revision = event.revision
      const shown = showTo(this.#selection, event)
      if (shown) seen.push(shown)
    }
    if (this.#position === this.#ring.end) this.#revision = Math.max(this.#revision, this.#cache.revision)
    return seen
  }
}

/**
 *               matches now    doesn't
 *   matched     as it is       DELETED, as it was, with the revision of the change
 *   didn't      ADDED          nothing
 */
export function showTo(selection: Selection, event: CacheEvent): Seen | undefined {
  const { object, previous, type } = event
  if (!object.key.startsWith(selection.prefix)) return undefined
  if (!selection.hasSelectors) return { type, object, event }
  if (selection.key !== undefined && selection.key !== object.key) return undefined
  const did = previous !== undefined && selection.matches(previous)
  if (type === 'DELETED')
    return did || (previous === undefined && selection.matches(object)) ? { type, object, event } : undefined
  const does = selection.matches(object)
  if (does) return { type: did ? 'MODIFIED' : 'ADDED', object, event }
  return did && previous ? { type: 'DELETED', object: previous.at(event.revision), event } : undefined
}

/**
 * The changes after `from` that are older than the ring, read from the store, ending where the ring takes over. Returns
 * the revision up to which it has told everything. Throws the store's `compacted`.
 */
export async function* history(
  cache: WatchCache,
  selection: Selection,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<readonly Seen[], Revision> {
  const ending = new AbortController()
  let reached = from
  const batches = cache.store.watch({ prefix: cache.prefix }, from, AbortSignal.any([signal, ending.signal]))
  try {
    for await (const batch of batches) {
      const seen: Seen[] = []
      for (const stored of batch.events) {
        const object = new CachedObject(cache.def, stored.key, stored.value, stored.revision)
        const before = stored.previous
        const previous = before && new CachedObject(cache.def, stored.key, before, stored.revision)
        const shown = showTo(selection, new CacheEvent(stored, object, previous))
        if (shown) seen.push(shown)
      }
      if (seen.length > 0) yield seen
      reached = batch.revision
      await cache.ready()
      if (reached >= cache.ring.floor) break
    }
  } finally {
    ending.abort()
  }
  return reached
}
