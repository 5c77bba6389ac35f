import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { isInRange } from '../keys.ts'
import {
  isStoreError,
  StoreError,
  type Range,
  type Revision,
  type StoreEvent,
  type WatchBatch,
} from '../store.ts'
import type { EtcdClient } from './etcd-client.ts'
import { openWatchStream, type WatchStep } from './watch-stream.ts'

export interface ReplayOptions {
  readonly client: EtcdClient
  readonly prefix: string
  readonly dataPrefix: string
  readonly clock: Clock
  readonly range: Range
  /** Exclusive. */
  readonly from: Revision
  readonly to: Revision
  /** At least one event of etcd under the prefix has this revision, and none has one between it and `to`. */
  readonly lastEvent: Revision
}

/** What one step of a watch's past holds at most. etcd begins a past only each 100 ms: better few large ones. */
const stepEventsMax = 10_000
const stepBytesMax = 16 * 1024 * 1024
const silenceMsMax = 10_000
const retryMs = 100

/**
 * The past of a watch. The whole prefix is read and the range picked from it: only an event that is known to exist says
 * that etcd has told everything before, and the range itself may have none. Goes on when a connection breaks.
 */
export async function replay(options: ReplayOptions): Promise<WatchBatch> {
  const { from, to, lastEvent, client, clock } = options
  const last = Math.min(to, lastEvent)
  if (from >= last) return { events: [], revision: to }
  const past: Past = { events: [], bytes: 0, read: 0, seen: from, heardMs: clock.monotonicMs() }
  for (;;) {
    try {
      return { events: past.events, revision: await readOn(options, past, last) }
    } catch (error) {
      const isLate = clock.monotonicMs() - past.heardMs > silenceMsMax
      if (!isStoreError(error, 'unavailable') || isLate || client.isClosed) throw error
    }
    await clock.sleep(retryMs)
  }
}

interface Past {
  readonly events: StoreEvent[]
  /** Events read, and their bytes, also of those outside the range. */
  read: number
  bytes: number
  /** Everything up to here is in `events`. */
  seen: Revision
  heardMs: number
}

/** As far as one connection carries; resolves with the revision that was reached. */
async function readOn(options: ReplayOptions, past: Past, last: Revision): Promise<Revision> {
  const { range, to, clock } = options
  const done = deferred<Revision>()
  let cancel = () => {}
  const expectMore = () => {
    cancel()
    cancel = clock.after(silenceMsMax, () =>
      done.reject(new StoreError('unavailable', `etcd told nothing of its past within ${silenceMsMax} ms.`)),
    )
  }
  const onStep = (step: WatchStep) => {
    expectMore()
    past.seen = step.revision
    past.heardMs = clock.monotonicMs()
    for (const event of step.events) {
      past.read++
      past.bytes += event.value.byteLength + (event.previous?.byteLength ?? 0)
      if (event.revision <= to && isInRange(event.key, range)) past.events.push(event)
    }
    if (step.revision >= last) done.resolve(to)
    else if (past.read >= stepEventsMax || past.bytes >= stepBytesMax) done.resolve(step.revision)
  }
  expectMore()
  try {
    const stream = await openWatchStream({
      ...options,
      from: past.seen,
      onStep,
      onEnd: (error) => done.reject(error),
    })
    try {
      return await done.promise
    } finally {
      stream.close()
    }
  } finally {
    cancel()
  }
}
