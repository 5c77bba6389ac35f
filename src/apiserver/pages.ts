/**
 * One page of a list, from the watch cache where it is fresh enough, from the store's history where an exact
 * revision is asked for. What `resourceVersion` and its match mean: Kubernetes' table "the resourceVersion parameter".
 */
import {
  badRequest,
  continueExpiredMessage,
  expired,
  StatusError,
  tooLargeResourceVersion,
} from '../api/status.ts'
import { isStoreError, type Revision } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import { decodeContinue, encodeContinue, type Continuation } from './continue-token.ts'
import { objectKeyOf } from './keys.ts'
import { revisionOf, type ListOptions } from './list-options.ts'
import type { Selection } from './selection.ts'
import { lookCost } from './slices.ts'
import type { WatchCache } from './watch-cache.ts'

/** How long a read waits for the cache to come up to the revision it needs; upstream's blockTimeout. */
export const freshnessTimeoutMs = 3_000
/** Entries read at once where a selector has to look at history. */
const historyPageMax = 1_000

export interface ObjectPage {
  readonly objects: readonly CachedObject[]
  readonly revision: Revision
  /** Empty on the last page. */
  readonly continue: string
  /** Unset where a selector makes it unknown. */
  readonly remaining: number | undefined
}

export async function readPage(
  cache: WatchCache,
  selection: Selection,
  options: ListOptions,
): Promise<ObjectPage> {
  if (options.continue !== '') return continuePage(cache, selection, options)
  const { resourceVersion, resourceVersionMatch: match } = options
  const isNumber = resourceVersion !== '' && resourceVersion !== '0'
  // A limit with a revision and no match has always meant "exactly".
  const isExact = match === 'Exact' || (isNumber && match === '' && options.limit > 0)
  if (isNumber && isExact) return exactPage(cache, selection, options.limit, revisionOf(resourceVersion))
  await fresh(cache, resourceVersion)
  return cachePage(cache, selection, options.limit)
}

/** Waits until the cache may answer: '' consistently, '0' at once, N not older than that. */
export async function fresh(cache: WatchCache, resourceVersion: string): Promise<void> {
  await cache.ready()
  if (resourceVersion === '0') return
  const needed = resourceVersion === '' ? await cache.store.current() : revisionOf(resourceVersion)
  if (await cache.reaches(needed, freshnessTimeoutMs)) {
    // A gap may have emptied it meanwhile.
    await cache.ready()
    return
  }
  throw tooLargeResourceVersion({ asked: needed, current: cache.revision })
}

/** What a selection has to be looked for in: one state of a cache, whatever happens to the cache afterwards. */
export interface Snapshot {
  readonly revision: Revision
  readonly candidates: readonly CachedObject[]
}

/** Only after `ready`. Never awaits. */
export const snapshotOf = (cache: WatchCache, selection: Selection, after?: string): Snapshot => ({
  revision: cache.revision,
  candidates: candidatesOf(cache, selection, after),
})

/** Those of the snapshot that are selected, in order; `max` of them at most. Many are looked at in several turns of the event loop. */
export async function selected(
  { slices }: Pick<WatchCache, 'slices'>,
  { candidates }: Snapshot,
  selection: Selection,
  max = Infinity,
): Promise<readonly CachedObject[]> {
  if (!selection.hasSelectors) return candidates.length > max ? candidates.slice(0, max) : candidates
  const matching: CachedObject[] = []
  for await (const part of slices.of(candidates, ({ unreadBytes }) => unreadBytes + lookCost))
    for (const object of part) {
      if (selection.matches(object)) matching.push(object)
      if (matching.length >= max) return matching
    }
  return matching
}

async function cachePage(
  cache: WatchCache,
  selection: Selection,
  limit: number,
  after?: string,
): Promise<ObjectPage> {
  const snapshot = snapshotOf(cache, selection, after)
  const { candidates, revision } = snapshot
  // One more than asked for, to see whether there is more.
  const found = selection.hasSelectors
    ? await selected(cache, snapshot, selection, limit === 0 ? Infinity : limit + 1)
    : candidates
  if (limit === 0 || found.length <= limit)
    return { objects: found, revision, continue: '', remaining: undefined }
  const objects = found.slice(0, limit)
  const remaining = selection.hasSelectors ? undefined : candidates.length - limit
  return { objects, revision, continue: tokenAfter(cache, objects, revision), remaining }
}

function candidatesOf(
  cache: WatchCache,
  { key, prefix }: Selection,
  after: string | undefined,
): CachedObject[] {
  if (key === undefined) return cache.range(prefix, after)
  const object = key.startsWith(prefix) && (after === undefined || key > after) ? cache.find(key) : undefined
  return object ? [object] : []
}

const tokenAfter = (cache: WatchCache, objects: readonly CachedObject[], revision: Revision): string =>
  encodeContinue({ revision, after: (objects.at(-1)?.key ?? '').slice(cache.prefix.length) })

async function continuePage(
  cache: WatchCache,
  selection: Selection,
  options: ListOptions,
): Promise<ObjectPage> {
  const token = decodeContinue(options.continue)
  if (options.resourceVersion !== '' && options.resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue')
  const after = cache.prefix + token.after
  if (token.revision === undefined) {
    await fresh(cache, '')
    return cachePage(cache, selection, options.limit, after)
  }
  try {
    return await exactPage(cache, selection, options.limit, token.revision, after)
  } catch (error) {
    if (isStoreError(error, 'compacted')) throw continueExpired(token)
    throw error
  }
}

/** Upstream hands out a token with which an impatient client goes on, giving up on one consistent list. */
function continueExpired({ after }: Continuation): StatusError {
  const { status } = expired(continueExpiredMessage)
  return new StatusError({
    ...status,
    metadata: { continue: encodeContinue({ revision: undefined, after }) },
  })
}

async function exactPage(
  cache: WatchCache,
  selection: Selection,
  limit: number,
  revision: Revision,
  after?: string,
): Promise<ObjectPage> {
  await cache.ready()
  if (isUnchangedSince(cache, revision)) return await cachePageAt(cache, selection, limit, revision, after)
  const objects: CachedObject[] = []
  for (let from = after; ;) {
    const wanted = limit > 0 && !selection.hasSelectors ? limit : historyPageMax
    const range = { prefix: selection.prefix, ...(from !== undefined && { after: from }) }
    const page = await cache.store.list(range, { at: revision, limit: wanted })
    for (const entry of page.entries) {
      const object = new CachedObject(cache.def, entry.key, entry.value, entry.revision)
      if (!selection.hasSelectors || selection.matches(object)) objects.push(object)
      from = entry.key
      if (limit === 0 || objects.length < limit) continue
      const more = page.more || entry !== page.entries.at(-1)
      const remaining = selection.hasSelectors || !more ? undefined : page.remaining
      return { objects, revision, continue: more ? tokenAfter(cache, objects, revision) : '', remaining }
    }
    if (!page.more) return { objects, revision, continue: '', remaining: undefined }
    await cache.slices.turn()
  }
}

/** True when the state in the cache is also the state at `revision`. */
const isUnchangedSince = (cache: WatchCache, revision: Revision): boolean =>
  revision <= cache.revision &&
  revision >= cache.ring.floor &&
  cache.ring.positionAfter(revision) === cache.ring.end

async function cachePageAt(
  cache: WatchCache,
  selection: Selection,
  limit: number,
  revision: Revision,
  after: string | undefined,
): Promise<ObjectPage> {
  const page = await cachePage(cache, selection, limit, after)
  if (page.continue === '') return { ...page, revision }
  return { ...page, revision, continue: tokenAfter(cache, page.objects, revision) }
}

/** The object a request names, read from the store or from a cache that may be a moment behind. */
export async function readOne(
  cache: WatchCache,
  namespace: string,
  name: string,
  resourceVersion: string,
): Promise<CachedObject | undefined> {
  const key = objectKeyOf(cache.def, namespace, name)
  if (resourceVersion !== '') {
    await fresh(cache, resourceVersion)
    return cache.find(key)
  }
  if (await hasEverything(cache)) return cache.find(key)
  const { entry } = await cache.store.get(key)
  return entry && new CachedObject(cache.def, key, entry.value, entry.revision)
}

/** Whether all that was written before the call is in the cache. A store of one process knows without being asked; nobody waits. */
async function hasEverything(cache: WatchCache): Promise<boolean> {
  if (!cache.liveRing || cache.store.capabilities.shared) return false
  const current = await cache.store.current()
  return cache.liveRing !== undefined && cache.revision >= current
}
