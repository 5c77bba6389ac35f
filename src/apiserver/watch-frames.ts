/** A watcher's lines: one JSON document each, in the shape the client asked for. */
import { apiVersionOf } from '../api/meta.ts'
import type { Status } from '../api/status.ts'
import type { Revision } from '../store/store.ts'
import type { CachedObject } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { encodeFrame, type CacheEvent, type EventType } from './event-ring.ts'
import type { Representation } from './negotiate.ts'
import { tableOptionsOf } from './represent.ts'
import { metadataOf, tableOf } from './table-rows.ts'

/** What a watcher sees of a change: a selector may turn a MODIFIED into an ADDED or a DELETED. */
export interface Seen {
  readonly type: EventType
  readonly object: CachedObject
  /** The change behind it, which keeps encoded frames for all watchers. */
  readonly event: CacheEvent
}

export interface WatchFrames {
  /** The frame of a change is the same for every watcher that asks for this shape. */
  readonly areShared: boolean
  change(seen: Seen): Uint8Array
  /** Of the state that a watch begins with. */
  initial(object: CachedObject): Uint8Array
  bookmark(revision: Revision, isInitialEventsEnd: boolean): Uint8Array
  error(status: Status): Uint8Array
}

export const initialEventsEnd = 'k8s.io/initial-events-end'

const line = (type: string, object: unknown): Buffer => encodeFrame(type, Buffer.from(JSON.stringify(object)))

export function watchFrames(context: VerbContext, representation: Representation): WatchFrames {
  const { def } = context
  const shape = shaperOf(context, representation)
  return {
    areShared: !shape,
    change: ({ type, object, event }) =>
      shape ? line(type, shape(type, object)) : event.frame(type, object),
    initial: (object) => (shape ? line('ADDED', shape('ADDED', object)) : encodeFrame('ADDED', object.bytes)),
    bookmark(revision, isInitialEventsEnd) {
      const metadata = {
        resourceVersion: String(revision),
        creationTimestamp: null,
        ...(isInitialEventsEnd && { annotations: { [initialEventsEnd]: 'true' } }),
      }
      const object = { kind: def.kind, apiVersion: apiVersionOf(def.group, def.version), metadata }
      if (representation.shape === 'metadata')
        return line('BOOKMARK', metadataOf(object, representation.version))
      if (representation.shape !== 'table') return line('BOOKMARK', object)
      const table = tableOf(
        [],
        { resourceVersion: metadata.resourceVersion },
        tableOptionsOf(context, representation),
        false,
      )
      // Where clients look for the end of the initial events in a Table: in its only row's object.
      return line('BOOKMARK', {
        ...table,
        rows: [{ cells: def.columns.map(() => null), object: metadataOf(object, 'v1') }],
      })
    },
    error: (status) => line('ERROR', status),
  }
}

type Shaper = (type: EventType, object: CachedObject) => unknown

/** Undefined where the object's own bytes are what the client wants. */
function shaperOf(context: VerbContext, representation: Representation): Shaper | undefined {
  if (representation.shape === 'object') return undefined
  if (representation.shape === 'metadata')
    return (_, object) => metadataOf(object.parse(), representation.version)
  const options = tableOptionsOf(context, representation)
  const { clock } = context.machinery
  let isFirst = true
  return (_, cached) => {
    const object = cached.parse()
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' }
    const table = tableOf([object], metadata, { ...options, nowMs: clock.now().getTime() }, isFirst)
    isFirst = false
    return table
  }
}
