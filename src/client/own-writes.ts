import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import { isTerminating, objectKey, type KubeObject } from '../api/meta.ts'
import type { Client, ResourceClient, ResourceRef } from './client.ts'
import type { Informers } from './informers.ts'

/**
 * Read your own writes. A reconcile that looks at a cache which has not yet seen the pods it made a moment ago would
 * make them again, and one that has not seen a deletion would choose another victim; so the runner waits, before each
 * reconcile, until the caches have caught up with all that was written through `client`.
 */
export interface OwnWrites {
  readonly client: Client
  /** Resolves when the caches hold every write so far. Throws `StaleCacheError` after `catchUpMs`: try again later. */
  caughtUp(signal: AbortSignal): Promise<void>
}

/** What the caches show is older than what was written: nothing can be decided on it. */
export class StaleCacheError extends Error {
  override readonly name = 'StaleCacheError'
}

/** A worker is blocked for this long; then the key goes back to the queue. */
const catchUpMs = 5_000
/** A write that isn't seen after this long never will be (another server, restored from a backup): as upstream's expectations. */
const expectationMs = 5 * 60_000

interface Expectation {
  readonly ref: ResourceRef
  readonly isSeen: () => boolean
  readonly untilMs: number
  readonly revision: number
}

export function ownWrites(client: Client, informers: Informers, clock: Clock): OwnWrites {
  // By resource for revisions, of which the newest says all; by object for deletions, whose answers carry none.
  const expected = new Map<string, Expectation>()
  const untilMs = () => clock.monotonicMs() + expectationMs
  const noteWrite = <T extends KubeObject>(ref: ResourceRef, object: T): T => {
    const { resourceVersion } = object.metadata
    if (!resourceVersion || !informers.has(ref)) return object
    const key = `${ref.group}/${ref.plural}`
    const revision = Number(resourceVersion)
    const isSeen = () => informers.for(ref).hasSeen(resourceVersion)
    if ((expected.get(key)?.revision ?? 0) < revision)
      expected.set(key, { ref, isSeen, untilMs: untilMs(), revision })
    return object
  }
  const noteDelete = (ref: ResourceRef, namespace: string | undefined, name: string) => {
    const cached = () => (informers.has(ref) ? informers.for(ref).get(namespace, name) : undefined)
    const before = cached()
    return () => {
      if (!before || isTerminating(before)) return
      const isSeen = () => {
        const now = cached()
        return !now || now.metadata.uid !== before.metadata.uid || isTerminating(now)
      }
      const key = `${ref.group}/${ref.plural}|${objectKey(namespace, name)}`
      expected.set(key, { ref, isSeen, untilMs: untilMs(), revision: 0 })
    }
  }
  return {
    client: {
      ...client,
      resource: <T extends KubeObject>(ref: ResourceRef) =>
        noting(client.resource<T>(ref), {
          written: (object) => noteWrite(ref, object),
          deleting: (namespace, name) => noteDelete(ref, namespace, name),
        }),
    },
    async caughtUp(signal) {
      // An entry leaves when its cache has caught up, not when somebody began to wait: several workers share the map.
      const nowMs = clock.monotonicMs()
      for (const [key, { isSeen, untilMs: endMs }] of expected)
        if (isSeen() || endMs < nowMs) expected.delete(key)
      if (expected.size === 0) return
      using deadline = deadlineSignal(clock, catchUpMs, signal)
      const waits = [...expected.values()].map(({ ref, isSeen }) =>
        informers.for(ref).until(isSeen, deadline.signal),
      )
      try {
        await Promise.all(waits)
      } catch (cause) {
        throw new StaleCacheError('the caches have not caught up with the writes of this controller', {
          cause,
        })
      }
    },
  }
}

interface Notes<T extends KubeObject> {
  readonly written: (object: T) => T
  /** Called before the request; what it returns, after its success. */
  readonly deleting: (namespace: string | undefined, name: string) => () => void
}

function noting<T extends KubeObject>(
  api: ResourceClient<T>,
  { written, deleting }: Notes<T>,
): ResourceClient<T> {
  return {
    ...api,
    create: async (object, query) => written(await api.create(object, query)),
    update: async (object, query) => written(await api.update(object, query)),
    updateStatus: async (object, query) => written(await api.updateStatus(object, query)),
    patch: async (name, type, patch, query) => written(await api.patch(name, type, patch, query)),
    async delete(name, query) {
      const deleted = deleting(query?.namespace, name)
      await api.delete(name, query)
      deleted()
    },
  }
}
