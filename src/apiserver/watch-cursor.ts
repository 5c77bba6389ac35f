/**
 * One watcher's place in a resource's changes. It holds no events of its own: it reads the ring at the pace of its client,
 * and is told when it has been overtaken. Where the client asks for a revision that the ring no longer has, the
 * store's history fills the stretch before it.
 */
import { isStoreError, type Revision, type StoreEvent, type WatchBatch } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import { CacheEvent, type EventRing } from './event-ring.ts'
import { batchEventsMax, type FrameBatch } from './frame-batches.ts'
import { chunkBytes, joined } from './respond.ts'
import type { Selection } from './selection.ts'
import type { WatchCache } from './watch-cache.ts'
import type { Seen, WatchFrames } from './watch-frames.ts'

/** `gap`: the cache had to list afresh. `slow`: the ring has gone past the cursor. */
export type Taken = readonly Uint8Array[] | 'gap' | 'slow'

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

  /** The next changes that concern the watcher, as it wants to read them; empty when it is up to date. */
  take(frames: WatchFrames): Taken {
    if (this.#cache.liveRing !== this.#ring) return 'gap'
    const ring = this.#ring
    while (this.#position < ring.end) {
      if (!ring.at(this.#position)) return 'slow'
      const batch = frames.areShared
        ? ring.batches.of(this.#selection.text, this.#position, (from) => this.#batch(from, frames))
        : this.#batch(this.#position, frames)
      this.#position = batch.end
      this.#revision = batch.revision
      if (batch.frames.length > 0) return batch.frames
    }
    this.#revision = Math.max(this.#revision, this.#cache.revision)
    return []
  }

  #batch(from: number, frames: WatchFrames): FrameBatch {
    const ring = this.#ring
    const parts: Uint8Array[] = []
    let [end, revision, size] = [from, this.#revision, 0]
    for (; end < ring.end && end - from < batchEventsMax && size < chunkBytes; end++) {
      const event = ring.at(end)
      if (!event) break
      revision = event.revision
      const seen = showTo(this.#selection, event)
      if (!seen) continue
      const frame = frames.change(seen)
      parts.push(frame)
      size += frame.length
    }
    return { end, revision, isFull: end < ring.end, frames: [...joined(parts)] }
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

/** A cursor that goes on after `from`. Undefined where the ring does not reach back so far, or the cache is not loaded. */
export const cursorAfter = (
  cache: WatchCache,
  selection: Selection,
  from: Revision,
): WatchCursor | undefined =>
  cache.liveRing && from >= cache.liveRing.floor ? new WatchCursor(cache, selection, from) : undefined

/** Times that the store may cut off a reading of history before it has got any further. */
const lagsMax = 3

/**
 * The changes after `from` that are older than the ring, read from the store, ending where the ring takes over. Returns
 * the cursor that goes on from there: made at once, because the ring goes on too. Undefined: the signal or the store has
 * ended it. Throws the store's `compacted`, and `lagging` when it gets nowhere.
 */
export async function* history(
  cache: WatchCache,
  selection: Selection,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<readonly Seen[], WatchCursor | undefined> {
  let reached = from
  for (let lags = 0; ;) {
    const before = reached
    try {
      for await (const { events, revision } of storeWatch(cache, reached, signal)) {
        const seen = events
          .map((stored) => showTo(selection, eventOf(cache, stored)))
          .filter((each) => each !== undefined)
        if (seen.length > 0) yield seen
        reached = revision
        await cache.ready()
        const cursor = cursorAfter(cache, selection, reached)
        if (cursor) return cursor
      }
      return undefined
    } catch (error) {
      lags = reached > before ? 0 : lags + 1
      if (!isStoreError(error, 'lagging') || lags > lagsMax) throw error
    }
  }
}

/** Ends with its consumer, also while it waits. */
async function* storeWatch(
  cache: WatchCache,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  const ending = new AbortController()
  try {
    yield* cache.store.watch({ prefix: cache.prefix }, from, AbortSignal.any([signal, ending.signal]))
  } finally {
    ending.abort()
  }
}

function eventOf({ def }: WatchCache, stored: StoreEvent): CacheEvent {
  const { key, previous, revision, value } = stored
  const before = previous && new CachedObject(def, key, previous, revision)
  return new CacheEvent(stored, new CachedObject(def, key, value, revision), before)
}
