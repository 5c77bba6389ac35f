/**
 * The recorder of Events: what a component did to an object, for people. Recording never blocks and never fails its
 * caller; what can't be written within the bounds below is dropped and counted in the log.
 *
 * The same thing said again becomes one Event with a count, as upstream's correlator does (client-go
 * tools/record/events_cache.go): within ten minutes, the same object, type, reason and message.
 */
import type { Clock } from '../base/clock.ts'
import { backoffMs } from '../base/backoff.ts'
import { deferred } from '../base/deferred.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Event, ObjectReference } from '../api/schema/types.gen.ts'
import { isNotFound, isStatusError } from '../api/status.ts'
import type { Client, ResourceClient, ResourceRef } from './client.ts'

export interface EventRecorder extends AsyncDisposable {
  record(object: EventObject, type: 'Normal' | 'Warning', reason: string, message: string): void
  /** The same recorder, its queue and its limits, under another component's name. Not to be disposed of. */
  as(component: string): EventRecorder
  /** Resolves when everything recorded so far is written or dropped. */
  flush(): Promise<void>
}

/** A whole object, or a reference to it (or to a part: `fieldPath`). */
export type EventObject = KubeObject | ObjectReference

export interface EventRecorderOptions {
  readonly client: Client
  readonly component: string
  /** The node's name, for components that run on one. */
  readonly host?: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

const restMs = 250 // what an event tells of goes first: an app that starts needs the processor, the server and its disk
const pendingMax = 1_000 // events waiting for the server: minutes of a busy node; later ones are dropped
const rememberedMax = 4_096 // as upstream's LRU
const aggregationMs = 10 * 60_000
const messageLengthMax = 1_024 // the API's limit for a note
const burstMax = 25 // events for one object at once, then one in `refillMs`: upstream's spam filter
const refillMs = 5 * 60_000
const attemptsMax = 12
const retryBackoff = { baseMs: 200, factor: 2, capMs: 10_000, jitter: 0.5 }

const eventsRef: ResourceRef = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }

interface Remembered {
  readonly name: string
  readonly count: number
  readonly lastMs: number
}

interface Pending {
  readonly event: Event
  readonly key: string
}

export function openEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, random, logger } = options
  const events = client.resource<Event>(eventsRef)
  const stop = new AbortController()
  const remembered = new Map<string, Remembered>() // in order of use: the first is the oldest
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  const queue: Pending[] = []
  let idle = deferred()
  idle.resolve()
  let phase: 'idle' | 'resting' | 'writing' = 'idle'
  let cancelRest = () => {}
  let dropped = 0

  const write = (pending: Pending) => writeEvent({ events, remembered, clock, signal: stop.signal }, pending)
  const writeWithRetries = async (pending: Pending) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await write(pending)
      } catch (error) {
        const isFinal = isStatusError(error) && error.status.code < 500 && error.status.code !== 429
        if (stop.signal.aborted || isFinal || attempt >= attemptsMax) {
          logger.warn('an event was not written', { reason: pending.event.reason, error })
          return
        }
        await clock.sleep(backoffMs(attempt, retryBackoff, random), stop.signal).catch(() => {}) // the next round sees the abort
      }
    }
  }
  const drain = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await writeWithRetries(next)
    if (dropped > 0) logger.warn('events were dropped', { dropped })
    dropped = 0
    phase = 'idle'
    idle.resolve()
  }
  const begin = () => {
    cancelRest()
    if (phase !== 'resting') return
    phase = 'writing'
    void drain()
  }
  let sequence = 0
  const recorderOf = (component: string): EventRecorder => ({
    record(object, type, reason, message) {
      const said = { object, type, reason, message, component, sequence: sequence++ }
      const event = newEvent(options, said)
      if (stop.signal.aborted || queue.length >= pendingMax || !takeToken(buckets, event, clock))
        return void dropped++
      const key = [event.involvedObject.uid, event.involvedObject.fieldPath, type, reason, message].join('\n')
      queue.push({ event, key })
      if (phase !== 'idle') return
      phase = 'resting'
      idle = deferred()
      cancelRest = clock.after(restMs, begin)
    },
    as: recorderOf,
    flush() {
      begin()
      return idle.promise
    },
    async [Symbol.asyncDispose]() {
      begin()
      stop.abort(new Error('event recorder disposed'))
      await idle.promise
    },
  })
  return recorderOf(options.component)
}

interface Writing {
  readonly events: ResourceClient<Event>
  readonly remembered: Map<string, Remembered>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Raises the count of an event that is known, or creates it. */
async function writeEvent(
  { events, remembered, clock, signal }: Writing,
  { event, key }: Pending,
): Promise<void> {
  const known = remembered.get(key)
  const nowMs = clock.monotonicMs()
  if (known && nowMs - known.lastMs < aggregationMs) {
    const count = known.count + 1
    const patch = { count, lastTimestamp: event.lastTimestamp }
    try {
      await events.patch(known.name, 'merge', patch, {
        namespace: event.metadata.namespace ?? 'default',
        signal,
      })
      return remember(remembered, key, { name: known.name, count, lastMs: nowMs }, rememberedMax)
    } catch (error) {
      if (!isNotFound(error)) throw error // expired on the server: a new one is created below
    }
  }
  const created = await events.create(event, { signal })
  const name = created.metadata.name ?? event.metadata.name ?? ''
  remember(remembered, key, { name, count: 1, lastMs: nowMs }, rememberedMax)
}

interface Said {
  readonly object: EventObject
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly component: string
  readonly sequence: number
}

function newEvent({ host, clock, random }: EventRecorderOptions, said: Said): Event {
  const involvedObject = referenceTo(said.object)
  const { component } = said
  const now = clock.now()
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${involvedObject.name}.${instant(now.getTime(), said.sequence, random)}`,
      namespace: involvedObject.namespace ?? 'default',
    },
    involvedObject,
    type: said.type,
    reason: said.reason,
    message: said.message.slice(0, messageLengthMax),
    source: { component, ...(host !== undefined && { host }) },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    reportingComponent: component,
    reportingInstance: host ?? '',
  }
}

/**
 * Sixteen hexadecimal digits in the order of time, as upstream's names have them: a list of events reads as a story. What
 * a clock of milliseconds doesn't give is a count, to keep one recorder's order, and chance, to keep two apart.
 */
function instant(ms: number, sequence: number, random: Random): string {
  const nanoseconds =
    BigInt(ms) * 1_000_000n + BigInt(sequence % 1_000) * 1_000n + BigInt(Math.floor(random.float() * 1_000))
  return nanoseconds.toString(16).padStart(16, '0')
}

export function referenceTo(object: EventObject): ObjectReference {
  if (!('metadata' in object)) return object as ObjectReference
  const { apiVersion, kind, metadata } = object as KubeObject
  return {
    apiVersion,
    kind,
    name: metadata.name ?? '',
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    ...(metadata.uid !== undefined && { uid: metadata.uid }),
    ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
  }
}

function takeToken(
  buckets: Map<string, { tokens: number; atMs: number }>,
  event: Event,
  clock: Clock,
): boolean {
  const { kind, namespace, name, uid } = event.involvedObject
  const key = [kind, namespace, name, uid].join('\n')
  const nowMs = clock.monotonicMs()
  const old = buckets.get(key) ?? { tokens: burstMax, atMs: nowMs }
  const tokens = Math.min(burstMax, old.tokens + (nowMs - old.atMs) / refillMs)
  remember(buckets, key, { tokens: Math.max(0, tokens - 1), atMs: nowMs }, rememberedMax)
  return tokens >= 1
}

function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
