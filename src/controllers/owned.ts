/** What every controller that owns objects does with them. */
import { isTerminating, type KubeObject } from '../api/meta.ts'
import { isNotFound, isStatusError } from '../api/status.ts'
import type { Client, ResourceRef } from '../client/client.ts'

/**
 * Waits for all, then throws the first failure. `Promise.all` would go on at the first failure, and the next reconcile
 * would decide while writes of this one are still under way.
 */
export async function settled<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(work)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** A deletion of something that is gone has succeeded. */
export async function ignoreNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/**
 * Whether `owner` may take in orphans: asks the server, not the cache. An owner that is deleted with its dependents
 * orphaned, by a cache that has not heard of it, would take them in again and drag them along into its end.
 */
export async function mayAdopt(client: Client, ref: ResourceRef, owner: KubeObject): Promise<boolean> {
  const { name = '', namespace, uid } = owner.metadata
  const query = namespace === undefined ? {} : { namespace }
  const fresh = await ignoreNotFound(client.resource<KubeObject>(ref).get(name, query))
  return fresh !== undefined && fresh.metadata.uid === uid && !isTerminating(fresh)
}

/** The namespace is on its way out and takes nothing new: nothing to retry, nothing to report. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  isStatusError(error) &&
  (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')

/** A point in time as the API writes it: to the second. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
