import { checkRange, checkRevision } from './bounds.ts'
import { closedError, laggingError } from './errors.ts'
import { isInRange } from './keys.ts'
import { watchBacklogMax, type Range, type Revision, type StoreEvent, type WatchBatch } from './store.ts'

/**
 * Feeds watchers from the committed writes of one process. A watcher takes its place in the live feed at once and
 * reads the past, up to the revision at which it took its place, from the backend's log: so nothing falls between.
 *
 *     log:  from ──replay──▶ place
 *     live:                  place ──publish──▶ queue (bounded) ──▶ the consumer
 */
export interface WatchHub {
  /** Events of consecutive revisions, the last being `revision`. Called once per commit, in order, before the writes are acknowledged. */
  publish(events: readonly StoreEvent[], revision: Revision): void
  watch(range: Range, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>
  /** Ends all watches, with `error` where given; later ones throw `unavailable`. */
  end(error?: Error): void
}

export interface WatchSource {
  current(): Revision
  oldest(): Revision
  /** Events in (`from`, batch.revision] with batch.revision ≤ `to`, as many as one step may carry. Throws `compacted`. */
  replay(range: Range, from: Revision, to: Revision): Promise<WatchBatch>
}

/** Watchers of the same range share one array of events per commit. */
interface Group {
  readonly range: Range
  readonly watchers: Set<Watcher>
}

interface Watcher {
  readonly place: Revision
  /** Batches not yet taken; `backlog` is the number of events in them. */
  readonly queue: WatchBatch[]
  backlog: number
  /** Up to here the consumer has seen everything in its range. */
  seen: Revision
  /** Up to here the queue holds everything in the range: greater than `seen` means there is progress to tell. */
  reached: Revision
  ended: boolean
  failure: Error | undefined
  wake: () => void
}

export function createWatchHub(source: WatchSource): WatchHub {
  const groups = new Map<string, Group>()
  let closed: Error | undefined

  const attach = (range: Range): { watcher: Watcher; detach: () => void } => {
    const id = JSON.stringify([range.prefix, range.after])
    const group = groups.get(id) ?? { range, watchers: new Set() }
    groups.set(id, group)
    const watcher = createWatcher(source.current())
    group.watchers.add(watcher)
    const detach = () => {
      group.watchers.delete(watcher)
      if (group.watchers.size === 0 && groups.get(id) === group) groups.delete(id)
    }
    return { watcher, detach }
  }

  async function* watch(range: Range, from: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    if (closed) throw closed
    checkRange(range)
    if (signal.aborted) return
    checkRevision(from, source.oldest(), source.current())
    const { watcher, detach } = attach(range)
    const onAbort = () => stop(watcher)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      yield* replayed(source, watcher, range, from)
      for (;;) {
        const batch = take(watcher)
        if (batch) yield batch
        if (watcher.failure) throw watcher.failure
        if (watcher.ended) return
        if (!batch) await new Promise<void>((resolve) => (watcher.wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      detach()
    }
  }

  return {
    watch,
    publish(events, revision) {
      for (const { range, watchers } of groups.values()) {
        const mine = events.filter((event) => isInRange(event.key, range))
        const batch: WatchBatch = { events: mine, revision }
        for (const watcher of watchers) offer(watcher, batch)
      }
    },
    end(error) {
      closed = error ?? closedError()
      for (const { watchers } of groups.values()) for (const watcher of watchers) stop(watcher, error)
      groups.clear()
    },
  }
}

/** The past of a watch. Its first batch is sent even when empty; a step without events later on tells progress. */
async function* replayed(
  source: WatchSource,
  watcher: Watcher,
  range: Range,
  from: Revision,
): AsyncGenerator<WatchBatch> {
  watcher.seen = from
  if (from === watcher.place) yield { events: [], revision: from }
  while (watcher.seen < watcher.place) {
    const batch = await source.replay(range, watcher.seen, watcher.place)
    if (watcher.ended || watcher.failure) return
    watcher.seen = batch.revision
    yield batch
  }
}

const createWatcher = (place: Revision): Watcher => ({
  place,
  queue: [],
  backlog: 0,
  seen: place,
  reached: place,
  ended: false,
  failure: undefined,
  wake: () => {},
})

function offer(watcher: Watcher, batch: WatchBatch): void {
  if (watcher.ended) return
  watcher.reached = batch.revision
  if (batch.events.length > 0) {
    watcher.queue.push(batch)
    watcher.backlog += batch.events.length
    if (watcher.backlog > watchBacklogMax) stop(watcher, laggingError(watchBacklogMax, watcher.seen))
  }
  watcher.wake()
}

/**
 * All that waits as one batch: whoever takes a moment for each is up to date after the next. Or one empty batch that stands for
 * all commits since the last that held nothing in the range.
 */
function take(watcher: Watcher): WatchBatch | undefined {
  const batches = watcher.queue.splice(0)
  const last = batches.at(-1)
  if (last) {
    watcher.backlog = 0
    watcher.seen = last.revision
    return batches.length === 1 ? last : { ...last, events: batches.flatMap(({ events }) => events) }
  }
  if (watcher.ended || watcher.reached <= watcher.seen) return undefined
  watcher.seen = watcher.reached
  return { events: [], revision: watcher.seen }
}

/** Nothing is delivered after the end: what still waited is dropped, the consumer starts over from what it saw. */
function stop(watcher: Watcher, failure?: Error): void {
  if (watcher.ended) return
  watcher.ended = true
  watcher.failure = failure
  watcher.queue.length = 0
  watcher.wake()
}
