/**
 * The object that a write starts from. The watch cache knows it nearly always, and spares a read that would wait for the store's
 * writes. It may be a moment behind: a swap notices that, and whatever else such a state leads to is decided again on
 * the store's own.
 */
import { isStatusError } from '../api/status.ts'
import { isStoreError } from '../store/store.ts'
import { CachedObject, passing } from './cached-object.ts'
import type { VerbContext } from './context.ts'

export interface Present {
  readonly object: CachedObject
  /** True: read from the store for this request. */
  readonly isCertain: boolean
}

/** Undefined: there is no such object. */
export async function presentObject(
  { def, machinery }: VerbContext,
  key: string,
  { isCertain }: Pick<Present, 'isCertain'>,
): Promise<Present | undefined> {
  const cache = machinery.cacheOf(def)
  const known = isCertain || !cache.liveRing ? undefined : cache.find(key)
  if (known) return { object: known, isCertain: false }
  const { entry } = await machinery.store.get(key)
  if (!entry) return undefined
  return { object: new CachedObject(def, key, entry.value, entry.revision, passing), isCertain: true }
}

/** Whether an attempt may have failed for nothing but that the cache was behind; the write has not taken place. */
export const mayBeStale = (error: unknown, { isCertain }: Present): boolean =>
  !isCertain && (isStatusError(error) || isStoreError(error, 'conflict') || isStoreError(error, 'missing'))
