import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Client, ResourceClient, ResourceRef } from './client.ts'
import type { Informers } from './informers.ts'

/**
 * Read your own writes. A reconcile that looks at a cache which has not yet seen the pods it made a moment ago would
 * make them again; so the runner waits, before each reconcile, until the caches have caught up with all that was
 * written through `client`.
 */
export interface OwnWrites {
  readonly client: Client
  /** Resolves when the caches hold every write so far, or after `catchUpMs`: level-based work then simply runs again. */
  caughtUp(signal: AbortSignal): Promise<void>
}

const catchUpMs = 5_000

export function ownWrites(client: Client, informers: Informers, clock: Clock): OwnWrites {
  const written = new Map<string, { readonly ref: ResourceRef; readonly resourceVersion: string }>()
  const note = <T extends KubeObject>(ref: ResourceRef, object: T): T => {
    const { resourceVersion } = object.metadata
    if (!resourceVersion || !informers.has(ref)) return object
    const key = `${ref.group}/${ref.plural}`
    if (Number(written.get(key)?.resourceVersion ?? 0) < Number(resourceVersion))
      written.set(key, { ref, resourceVersion })
    return object
  }
  return {
    client: {
      ...client,
      resource: <T extends KubeObject>(ref: ResourceRef) =>
        noting(client.resource<T>(ref), (o) => note(ref, o)),
    },
    async caughtUp(signal) {
      // An entry leaves when its cache has caught up, not when somebody began to wait: several workers share the map.
      for (const [key, { ref, resourceVersion }] of written) {
        if (informers.for(ref).hasSeen(resourceVersion)) written.delete(key)
      }
      if (written.size === 0) return
      using deadline = deadlineSignal(clock, catchUpMs, signal)
      const waits = [...written.values()].map(({ ref, resourceVersion }) =>
        informers.for(ref).seen(resourceVersion, deadline.signal),
      )
      await Promise.all(waits).catch(() => {}) // too late or aborted: the caller goes on with what the cache has
    },
  }
}

function noting<T extends KubeObject>(api: ResourceClient<T>, note: (object: T) => T): ResourceClient<T> {
  return {
    ...api,
    create: async (object, query) => note(await api.create(object, query)),
    update: async (object, query) => note(await api.update(object, query)),
    updateStatus: async (object, query) => note(await api.updateStatus(object, query)),
    patch: async (name, type, patch, query) => note(await api.patch(name, type, patch, query)),
  }
}
