/**
 * The recent changes of one resource, in order. Every watcher is a cursor into it: nothing is queued for each watcher, a
 * frame is encoded once for all, and one that falls off the tail has been too slow.
 */
import type { Revision, StoreEvent } from '../store/store.ts'
import type { CachedObject } from './cached-object.ts'
import { FrameBatches } from './frame-batches.ts'

/** Some minutes of a busy resource: a client that reconnects finds its place again. */
export const ringEventsMax = 4_096
/** Counts objects and their encoded frames. Together with the live objects this bounds a resource's memory. */
export const ringBytesMax = 8 * 1024 * 1024

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

export class CacheEvent {
  readonly type: EventType
  readonly revision: Revision
  /** For DELETED the last state, carrying the revision of the deletion. */
  readonly object: CachedObject
  /** What was there before; absent for ADDED. */
  readonly previous: CachedObject | undefined
  readonly #frames = new Map<EventType, Buffer>()

  constructor(
    event: Pick<StoreEvent, 'type' | 'revision'>,
    object: CachedObject,
    previous: CachedObject | undefined,
  ) {
    this.type = event.type === 'create' ? 'ADDED' : event.type === 'update' ? 'MODIFIED' : 'DELETED'
    this.revision = event.revision
    this.object = object
    this.previous = previous
  }

  /** One line of a watch in JSON, encoded at most once for each type. `object` differs where a selector stopped matching. */
  frame(type: EventType, object: CachedObject): Buffer {
    const known = this.#frames.get(type)
    if (known) return known
    const frame = encodeFrame(type, object.bytes)
    this.#frames.set(type, frame)
    return frame
  }

  get sizeBytes(): number {
    return 2 * this.object.bytes.length
  }
}

const frameEnd = Buffer.from('}\n')
export const encodeFrame = (type: string, object: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, frameEnd])

export class EventRing {
  readonly batches = new FrameBatches(() => this.end)
  /** Every event after this revision is here. */
  floor: Revision
  readonly #events: (CacheEvent | undefined)[] = []
  #head = 0
  #sizeBytes = 0
  /** Position of the event at `#head`; positions count up for ever. */
  #first = 0

  constructor(floor: Revision) {
    this.floor = floor
  }

  /** The position after the newest event. */
  get end(): number {
    return this.#first + this.#events.length - this.#head
  }

  /** Events that are here. */
  get length(): number {
    return this.end - this.#first
  }

  push(event: CacheEvent): void {
    this.#events.push(event)
    this.#sizeBytes += event.sizeBytes
    const isOver = () => this.end - this.#first > ringEventsMax || this.#sizeBytes > ringBytesMax
    while (isOver() && this.end - this.#first > 1) this.#dropOldest()
    if (this.#head <= ringEventsMax) return
    this.#events.splice(0, this.#head)
    this.#head = 0
  }

  /** The event at a position below `end`; undefined when it has been dropped. */
  at(position: number): CacheEvent | undefined {
    return position < this.#first ? undefined : this.#events[this.#head + position - this.#first]
  }

  /** The position of the first event after a revision not below `floor`. */
  positionAfter(revision: Revision): number {
    let low = this.#first
    let high = this.end
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.at(middle)?.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return low
  }

  #dropOldest(): void {
    const oldest = this.#events[this.#head]
    this.#events[this.#head] = undefined
    this.#head++
    this.#first++
    if (!oldest) return
    this.#sizeBytes -= oldest.sizeBytes
    this.floor = oldest.revision
  }
}
