/**
 * All objects of one resource in memory, as immutable serialised bytes in key order, and their recent changes.
 *
 * The invariant that everything rests on: `objects` is exactly the store's state at `revision` under the prefix, and the
 * ring holds every change after `ring.floor`, each once, in order. So a list at `revision` followed by the changes
 * after it misses nothing and repeats nothing. Both change only inside `apply`, which never awaits.
 *
 *   idle --first use--> loading --listed, buffered changes applied--> live --gap--> loading …
 */
import type { ResourceDef } from '../api/resource.ts'
import { isStoreError, type Revision, type Store, type StoreEvent } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import { CacheEvent, EventRing } from './event-ring.ts'
import { FanOut, type Ring } from './fan-out.ts'
import { resourcePrefix } from './keys.ts'
import { isSealed } from './sealing/envelope.ts'
import type { Slices } from './slices.ts'
import { SortedObjects } from './sorted-objects.ts'
import type { FeedListener, StoreFeed } from './store-feed.ts'

/** Entries that one read of the store brings in: some MiB. */
const loadPageMax = 2_000
/** Compaction keeps minutes of history, a load takes seconds: more misses than this are no coincidence. */
const loadAttemptsMax = 3

interface Live {
  readonly objects: SortedObjects
  readonly ring: EventRing
  /** The revision that was listed; the feed may still be behind it. */
  readonly listed: Revision
}

export class WatchCache implements FeedListener {
  #def: ResourceDef
  readonly prefix: string
  readonly #feed: StoreFeed
  readonly #bells = new Set<Ring>()
  readonly #fanOut: FanOut
  #live: Live | undefined
  #loading: Promise<void> | undefined
  /** Watches of clients that follow it now; kept by them. */
  watchers = 0
  /** Gaps so far: a listing that one fell into is worthless. */
  #gaps = 0
  /** Changes that arrived while loading. */
  #pending: StoreEvent[] = []

  constructor(def: ResourceDef, feed: StoreFeed) {
    this.#def = def
    this.prefix = resourcePrefix(def)
    this.#feed = feed
    this.#fanOut = new FanOut(feed.clock)
  }

  get def(): ResourceDef {
    return this.#def
  }

  /** What is held was made with another definition: it is listed afresh, and watchers are told that they have missed something. */
  redefine(def: ResourceDef): void {
    this.#def = def
    this.gap()
  }

  /** The resource is gone. Whoever uses the cache again opens it again. */
  close(): void {
    this.#feed.detach(this.prefix, this)
    this.gap()
  }

  /** Resolves when the cache holds the resource; starts it on first use. Rejects when the store can't be read. */
  async ready(): Promise<void> {
    while (!this.#live) {
      this.#loading ??= this.#load().finally(() => (this.#loading = undefined))
      await this.#loading
    }
  }

  /** Everything up to here is in the cache. */
  get revision(): Revision {
    return Math.max(this.#feed.revision, this.#live?.listed ?? 0)
  }

  /** Whether the cache comes up to `revision` in time. */
  async reaches(revision: Revision, timeoutMs: number): Promise<boolean> {
    return this.revision >= revision || this.#feed.reaches(revision, timeoutMs)
  }

  get store(): Store {
    return this.#feed.store
  }

  /** For work over many of its objects. */
  get slices(): Slices {
    return this.#feed.slices
  }

  /** Only after `ready`. Objects whose key starts with `prefix`, in key order; the array is the caller's. */
  range(prefix: string, after?: string): CachedObject[] {
    return this.#state().objects.range(prefix, after)
  }

  /** Only after `ready`. */
  find(key: string): CachedObject | undefined {
    return this.#state().objects.find(key)
  }

  /** Only after `ready`. Changes identity when the cache had to list afresh: a cursor into an old ring is dead. */
  get ring(): EventRing {
    return this.#state().ring
  }

  /** Objects that it holds. Undefined while the cache loads. */
  get size(): number | undefined {
    return this.#live?.objects.size
  }

  /** Undefined while the cache loads. */
  get liveRing(): EventRing | undefined {
    return this.#live?.ring
  }

  /** Rings the bell with each change and each gap, before anybody else hears of it, until the returned function is called. */
  listen(bell: Ring): () => void {
    this.#bells.add(bell)
    return () => void this.#bells.delete(bell)
  }

  /** As `listen`, but for the many: soon after the change, when it is this one's turn. */
  follow(ring: Ring): () => void {
    return this.#fanOut.add(ring)
  }

  apply(event: StoreEvent): void {
    // Its key is not there: the listing that follows says so, to those who ask for this resource.
    if (isSealed(event.value)) return this.gap()
    if (!this.#live) {
      if (this.#loading) this.#pending.push(event)
      return
    }
    if (event.revision <= this.#live.listed) return
    applyTo(this.def, this.#live, event)
  }

  changed(): void {
    for (const bell of this.#bells) bell()
    this.#fanOut.wake()
  }

  gap(): void {
    this.#gaps++
    this.#live = undefined
    this.changed()
  }

  #state(): Live {
    if (!this.#live) throw new Error(`the watch cache of ${this.def.plural} is not loaded`)
    return this.#live
  }

  async #load(): Promise<void> {
    const gaps = this.#gaps
    this.#pending = []
    this.#feed.attach(this.prefix, this)
    const { objects, revision } = await this.#list()
    const live = { objects: new SortedObjects(objects), ring: new EventRing(revision), listed: revision }
    for (const event of this.#pending) if (event.revision > revision) applyTo(this.def, live, event)
    this.#pending = []
    if (this.#gaps === gaps) this.#live = live
  }

  /** The present state, page by page at one revision; from the start when that one is compacted meanwhile. */
  async #list(): Promise<{ readonly objects: CachedObject[]; readonly revision: Revision }> {
    for (let attempt = 1; ; attempt++) {
      try {
        const first = await this.store.list({ prefix: this.prefix }, { limit: loadPageMax })
        const objects: CachedObject[] = []
        for (let page = first; ;) {
          for await (const entries of this.slices.of(page.entries, ({ value }) => value.length))
            for (const { key, value, revision } of entries)
              objects.push(new CachedObject(this.def, key, value, revision))
          const after = page.entries.at(-1)?.key
          if (!page.more || after === undefined) return { objects, revision: first.revision }
          page = await this.store.list(
            { prefix: this.prefix, after },
            { limit: loadPageMax, at: first.revision },
          )
        }
      } catch (error) {
        if (!isStoreError(error, 'compacted') || attempt === loadAttemptsMax) throw error
      }
    }
  }
}

function applyTo(def: ResourceDef, live: Live, event: StoreEvent): void {
  const previous = live.objects.find(event.key)
  const object = new CachedObject(def, event.key, event.value, event.revision)
  if (event.type === 'delete') live.objects.remove(event.key)
  else live.objects.put(object)
  live.ring.push(new CacheEvent(event, object, previous))
}
