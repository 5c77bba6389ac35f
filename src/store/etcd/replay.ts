import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { isInRange } from '../keys.ts'
import { StoreError, type Range, type Revision, type StoreEvent, type WatchBatch } from '../store.ts'
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

/**
 * The past of a watch. The whole prefix is read and the range picked from it: only an event that is known to exist says
 * that etcd has told everything before, and the range itself may have none.
 */
export async function replay(options: ReplayOptions): Promise<WatchBatch> {
  const { range, from, to, lastEvent, clock } = options
  const last = Math.min(to, lastEvent)
  if (from >= last) return { events: [], revision: to }
  const events: StoreEvent[] = []
  let [read, readBytes] = [0, 0]
  const done = deferred<WatchBatch>()
  let cancel = () => {}
  const expectMore = () => {
    cancel()
    cancel = clock.after(silenceMsMax, () =>
      done.reject(new StoreError('unavailable', `etcd told nothing of its past within ${silenceMsMax} ms.`)),
    )
  }
  const onStep = (step: WatchStep) => {
    expectMore()
    for (const event of step.events) {
      read++
      readBytes += event.value.byteLength + (event.previous?.byteLength ?? 0)
      if (event.revision <= to && isInRange(event.key, range)) events.push(event)
    }
    if (step.revision >= last) done.resolve({ events, revision: to })
    else if (read >= stepEventsMax || readBytes >= stepBytesMax)
      done.resolve({ events, revision: step.revision })
  }
  expectMore()
  try {
    const stream = await openWatchStream({ ...options, onStep, onEnd: done.reject })
    try {
      return await done.promise
    } finally {
      stream.close()
    }
  } finally {
    cancel()
  }
}
