import { compactedError } from '../errors.ts'
import { prefixEnd } from '../keys.ts'
import type { Revision, StoreEvent } from '../store.ts'
import type { EtcdClient } from './etcd-client.ts'
import { storeErrorOf } from './etcd-errors.ts'
import { GrpcError, grpcCodes, type OpenGrpcStream } from './grpc-session.ts'
import { keyAfterAll, watchRequest, watchResponse, type WatchEvent, type WatchResponse } from './messages.ts'

/** One step of etcd's watch: everything of its revisions, and nothing missing before `revision`. */
export interface WatchStep {
  readonly events: readonly StoreEvent[]
  readonly revision: Revision
  /** The last revision at which something changed under the watched prefix; 0 when nothing did in this step. */
  readonly eventRevision: Revision
}

export interface WatchStreamOptions {
  readonly client: EtcdClient
  /** What is watched. */
  readonly prefix: string
  /** What the keys of events begin with; others move the revision alone. */
  readonly dataPrefix: string
  /** Exclusive. */
  readonly from: Revision
  readonly onStep: (step: WatchStep) => void
  /** Once, after the last step, unless the stream was closed: `compacted`, or `unavailable` when etcd went away. */
  readonly onEnd: (error: Error) => void
}

/**
 * Every change under a prefix after a revision. Asks from `from` itself on and drops that revision: etcd then refuses
 * exactly what the store's contract refuses.
 */
export async function openWatchStream(options: WatchStreamOptions): Promise<OpenGrpcStream> {
  const { client, prefix, from, onStep, onEnd } = options
  /** Events of a revision that may not be complete. */
  let held: readonly WatchEvent[] = []
  let stream: OpenGrpcStream | undefined
  let isOver = false
  const fail = (error: unknown) => {
    if (isOver) return
    isOver = true
    stream?.close()
    onEnd(storeErrorOf(error))
  }
  const take = (response: WatchResponse) => {
    if (response.isCanceled) throw cancellation(response, from)
    let events = held.length > 0 ? [...held, ...response.events] : response.events
    held = []
    if (response.isFragment) {
      const open = events.at(-1)?.entry.modRevision
      held = events.filter(({ entry }) => entry.modRevision === open)
      events = events.slice(0, events.length - held.length)
      if (events.length === 0) return
    }
    if (response.isCreated) return
    const step = stepOf(events, response.revision, options)
    if (step) onStep(step)
  }
  const opening = client.watch(
    watchRequest({
      key: prefix,
      rangeEnd: prefixEnd(prefix) ?? keyAfterAll,
      startRevision: Math.max(1, from),
    }),
    {
      onMessage: (message) => {
        if (isOver) return
        try {
          take(watchResponse(message))
        } catch (error) {
          fail(error)
        }
      },
      onEnd: (error) => fail(error ?? new GrpcError(grpcCodes.unavailable, 'etcd ended the watch')),
    },
  )
  stream = await opening.catch((error: unknown) => {
    throw storeErrorOf(error)
  })
  if (isOver) stream.close()
  return stream
}

function cancellation({ compactRevision, cancelReason }: WatchResponse, from: Revision): Error {
  if (compactRevision > 0) return compactedError(from, compactRevision)
  return new GrpcError(
    grpcCodes.unavailable,
    `etcd canceled the watch: ${cancelReason || 'it gave no reason'}`,
  )
}

function stepOf(
  events: readonly WatchEvent[],
  revision: Revision,
  { dataPrefix, from }: WatchStreamOptions,
): WatchStep | undefined {
  // Without events it is a report of progress, which etcd sends in order and only to who has seen everything.
  if (events.length === 0) return revision > from ? { events: [], revision, eventRevision: 0 } : undefined
  const fresh = events.filter(({ entry }) => entry.modRevision > from)
  const last = fresh.at(-1)?.entry.modRevision
  if (last === undefined) return undefined
  const ours = fresh.filter(({ entry }) => entry.key.startsWith(dataPrefix))
  return { events: ours.map((event) => storeEvent(event, dataPrefix)), revision: last, eventRevision: last }
}

const nothing = new Uint8Array()

function storeEvent({ isDelete, entry, previous }: WatchEvent, dataPrefix: string): StoreEvent {
  const isCreate = !isDelete && entry.createRevision === entry.modRevision
  // etcd looks the previous value up when it sends; a compaction may have been faster.
  if (!isCreate && !previous) throw compactedError(entry.modRevision - 1, entry.modRevision)
  return {
    type: isDelete ? 'delete' : isCreate ? 'create' : 'update',
    key: entry.key.slice(dataPrefix.length),
    value: isDelete ? (previous?.value ?? nothing) : entry.value,
    previous: previous?.value,
    revision: entry.modRevision,
    createRevision: previous?.createRevision ?? entry.createRevision,
  }
}
