/**
 * A watch: the state first where it is asked for, then every change once, in order, until the time is up, the client
 * is gone, or continuity can't be kept (an ERROR event 410: list again).
 *
 *   initial ADDED… ─▶ BOOKMARK (initial-events-end) ─▶ history ─▶ ring ⟲ bookmarks
 */
import { expired, tooLargeResourceVersion, type Status } from '../../api/status.ts'
import { isStoreError, type Revision } from '../../store/store.ts'
import { createAlarm } from '../alarm.ts'
import type { CachedObject } from '../cached-object.ts'
import type { VerbContext } from '../context.ts'
import { listOptionsOf, revisionOf, type ListOptions } from '../list-options.ts'
import { negotiate } from '../negotiate.ts'
import { fresh, freshnessTimeoutMs, selected, snapshotOf } from '../pages.ts'
import { joined } from '../respond.ts'
import { selectionOf, type Selection } from '../selection.ts'
import type { ApiResponse } from '../http.ts'
import { endable } from '../streams.ts'
import type { WatchCache } from '../watch-cache.ts'
import { cursorAfter, history, WatchCursor } from '../watch-cursor.ts'
import { watchFrames, type WatchFrames } from '../watch-frames.ts'

const bookmarkPeriodMs = 60_000
/** The last bookmark comes this long before the end, so that the client's next watch starts where this one stopped. */
const lastBookmarkLeadMs = 2_000
const timeoutMinMs = 30 * 60_000

export async function watch(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, request } = context
  const representation = negotiate(request.headers['accept'], 'watch')
  const options = listOptionsOf(info.query, true)
  const selection = selectionOf(def, info.namespace, info.query)
  const cache = machinery.cacheOf(def)
  const start = await startOf(cache, selection, options)
  const frames = watchFrames(context, representation)
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' },
    body: endable(context.signal, (signal) =>
      run({ context, cache, selection, options, start, frames, signal }),
    ),
  }
}

interface Start {
  readonly from: Revision
  /** Objects to be told first; undefined when only changes are wanted. */
  readonly objects: readonly CachedObject[] | undefined
  /** Undefined where history has to be told before the ring. */
  readonly cursor: WatchCursor | undefined
}

/** Fixes the place from which nothing may be missed: the snapshot and the cursor are of one state of the cache. */
async function startOf(cache: WatchCache, selection: Selection, options: ListOptions): Promise<Start> {
  const { resourceVersion, sendInitialEvents } = options
  const isNumber = resourceVersion !== '' && resourceVersion !== '0'
  const wantsState = sendInitialEvents ?? !isNumber
  if (!wantsState && isNumber) return startAfter(cache, selection, revisionOf(resourceVersion))
  await fresh(cache, resourceVersion)
  const snapshot = snapshotOf(cache, selection)
  const cursor = new WatchCursor(cache, selection, snapshot.revision)
  const objects = wantsState ? await selected(cache, snapshot, selection) : undefined
  return { from: snapshot.revision, objects, cursor }
}

async function startAfter(cache: WatchCache, selection: Selection, from: Revision): Promise<Start> {
  await cache.ready()
  if (!(await cache.reaches(from, freshnessTimeoutMs)))
    throw tooLargeResourceVersion({ asked: from, current: cache.revision })
  await cache.ready()
  return { from, objects: undefined, cursor: cursorAfter(cache, selection, from) }
}

interface Run {
  readonly context: VerbContext
  readonly cache: WatchCache
  readonly selection: Selection
  readonly options: ListOptions
  readonly start: Start
  readonly frames: WatchFrames
  readonly signal: AbortSignal
}

async function* run(watch: Run): AsyncGenerator<Uint8Array> {
  const { cache, frames, options, selection, signal, start } = watch
  if (start.objects) {
    for await (const part of cache.slices.of(start.objects, ({ bytes }) => bytes.length))
      yield* joined(part.map((object) => frames.initial(object)))
    if (options.sendInitialEvents === true && options.allowWatchBookmarks)
      yield frames.bookmark(start.from, true)
  }
  let { cursor } = start
  if (!cursor) {
    try {
      const past = history(cache, selection, start.from, signal)
      let step = await past.next()
      for (; step.done !== true; step = await past.next())
        yield* joined(step.value.map((seen) => frames.change(seen)))
      cursor = step.value
      if (!cursor) return
    } catch (error) {
      if (!isStoreError(error, 'compacted') && !isStoreError(error, 'lagging')) throw error
      yield frames.error(tooOld(start.from, error.revision ?? cache.revision))
      return
    }
  }
  yield* live(watch, cursor)
}

const tooOld = (asked: Revision, oldest: Revision): Status =>
  expired(`too old resource version: ${asked} (${oldest})`).status

async function* live(
  { cache, context, frames, options, signal }: Run,
  cursor: WatchCursor,
): AsyncGenerator<Uint8Array> {
  const { clock, logger } = context.machinery
  const alarm = createAlarm()
  const timeoutMs = timeoutOf(context, options)
  // What is due is told by the timers, not read off a clock: a timer may fire a fraction of a millisecond before its time,
  // and whoever then looks at the clock and goes back to sleep has nothing left to wake it.
  let isOver = false
  let isBookmarkDue = false
  const end = () => {
    isOver = true
    alarm.ring()
  }
  const bookmark = () => {
    isBookmarkDue = true
    alarm.ring()
  }
  const wakes = [
    cache.follow(alarm.ring),
    clock.after(timeoutMs, end),
    ...(options.allowWatchBookmarks
      ? [
          clock.after(Math.max(0, timeoutMs - lastBookmarkLeadMs), bookmark),
          clock.every(bookmarkPeriodMs, bookmark),
        ]
      : []),
  ]
  signal.addEventListener('abort', alarm.ring, { once: true })
  cache.watchers++
  try {
    while (!signal.aborted) {
      const taken = cursor.take(frames)
      if (taken === 'gap') {
        yield frames.error(tooOld(cursor.revision, cache.revision))
        return
      }
      if (taken === 'slow') {
        logger.warn('a watcher was too slow and has been closed', {
          resource: context.def.plural,
          user: context.user.name,
        })
        return
      }
      yield* taken
      // Also where there is always something new: a watch has an end.
      if (isBookmarkDue) {
        isBookmarkDue = false
        yield frames.bookmark(cursor.revision, false)
      } else if (isOver) return
      else if (taken.length === 0) await alarm.wait()
    }
  } finally {
    cache.watchers--
    signal.removeEventListener('abort', alarm.ring)
    for (const stop of wakes) stop()
  }
}

/** What the client asks for, else half an hour to an hour, so that watchers don't come back all at once. */
const timeoutOf = ({ machinery }: VerbContext, { timeoutSeconds }: ListOptions): number =>
  timeoutSeconds > 0 ? timeoutSeconds * 1_000 : timeoutMinMs * (1 + machinery.random.float())
