/**
 * Keeps something that is made of all objects of a resource up to date with its watch cache: an index, a set. All objects are
 * taken in once, in slices; from then on only what changes.
 *
 *   behind ── catchUp: everything, in slices ──▶ current ── few changes: taken at once ──▶ current
 *      ▲                                            │
 *      └────────── many changes, or a gap ──────────┘
 */
import type { CachedObject } from './cached-object.ts'
import type { EventRing } from './event-ring.ts'
import { lookCost } from './slices.ts'
import type { WatchCache } from './watch-cache.ts'

export interface Followed {
  /** It is new, or has changed. */
  put(object: CachedObject): void
  /** It is gone; the last state that was put. */
  remove(object: CachedObject): void
}

export interface FollowedObjects {
  /** Whether what follows is up to date in this moment; takes in a few changes for that. Until the next turn of the loop nothing changes. */
  isCurrent(): boolean
  /** Resolves when it was current for a moment: ask again. Rejects when the store can't be read. */
  catchUp(): Promise<void>
}

/** Changes that are taken in while somebody waits for an answer: a millisecond. */
const atOnceMax = 64

export function followObjects(cache: WatchCache, followed: Followed): FollowedObjects {
  /** What was put and not removed. */
  const known = new Map<string, CachedObject>()
  /** Undefined: some of what is in `cache` may be missing, and what has gone may be there. */
  let ring: EventRing | undefined
  /** Of the next change in `ring`. */
  let position = 0
  let catching: Promise<void> | undefined

  const put = (object: CachedObject) => {
    if (known.get(object.key) === object) return
    followed.put(object) // first: what throws here is put again at the next question
    known.set(object.key, object)
  }
  const remove = (key: string) => {
    const object = known.get(key)
    if (!object) return
    known.delete(key)
    followed.remove(object)
  }
  /** One more change. False: there is none, or it has been dropped. */
  const step = (from: EventRing): boolean => {
    const event = from.at(position)
    if (!event) return false
    if (event.type === 'DELETED') remove(event.object.key)
    else put(event.object)
    position++
    return true
  }
  const isCurrent = (): boolean => {
    const present = cache.liveRing
    if (!present || present !== ring || present.end - position > atOnceMax) return false
    while (position < present.end) if (!step(present)) return false
    return true
  }
  const takeAll = async (from: EventRing) => {
    ring = undefined
    const end = from.end
    const objects = cache.range(cache.prefix)
    const present = new Set<string>()
    const costOf = (object: CachedObject) =>
      lookCost + (known.get(object.key) === object ? 0 : object.bytes.length)
    for await (const part of cache.slices.of(objects, costOf))
      for (const object of part) {
        put(object)
        present.add(object.key)
      }
    const all = known.size > present.size ? [...known.keys()] : []
    for await (const part of cache.slices.of(all, () => lookCost))
      for (const key of part) if (!present.has(key)) remove(key)
    ring = from
    position = end
  }
  const takeChanges = async (from: EventRing) => {
    const changes = Array.from({ length: from.end - position }, (_, i) => from.at(position + i))
    for await (const part of cache.slices.of(
      changes,
      (event) => lookCost + (event?.object.bytes.length ?? 0),
    ))
      for (const _ of part) if (!step(from)) return
  }
  const run = async () => {
    while (!isCurrent()) {
      await cache.ready()
      const present = cache.liveRing
      if (!present) continue // a gap in between
      if (present === ring && present.at(position)) await takeChanges(present)
      else if (present !== ring || position < present.end) await takeAll(present)
    }
  }
  return {
    isCurrent,
    catchUp: () => (catching ??= run().finally(() => (catching = undefined))),
  }
}
