/**
 * Keeps the cache within its budget: what was not used for the longest time goes, but never what runs, and nothing that was
 * asked for a moment ago and may be about to.
 */
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { folderSizes } from '../../base/folder-sizes.ts'
import type { Logger } from '../../base/logger.ts'
import { layout, makeTemporary, recordName } from './layout.ts'

export interface CacheItem {
  readonly path: string
  /** Its time is when the item was last asked for. */
  readonly stamp: string
  readonly usedMs: number
  readonly bytes: number
}

export interface RoomOptions {
  readonly bytesMax: number
  /** Paths below what has to stay. */
  readonly inUse: readonly string[]
}

export interface CacheRoom {
  /** Removes what is too much. Answers how many bytes that were. One at a time. */
  reclaim(options: RoomOptions): Promise<number>
}

/** From the question for a package to a record of who uses it: volumes, environment and start lie in between. */
export const idleMsMin = 10 * 60_000
const measuringMsMax = 60_000
const foldersAtOnce = 100

/** What has to go, the longest unused first. Pure. */
export function planEviction(
  items: readonly CacheItem[],
  { bytesMax, inUse, nowMs }: RoomOptions & { readonly nowMs: number },
): readonly CacheItem[] {
  let over = items.reduce((sum, { bytes }) => sum + bytes, 0) - bytesMax
  return items
    .filter(
      ({ path, usedMs }) => nowMs - usedMs >= idleMsMin && !inUse.some((used) => used.startsWith(`${path}/`)),
    )
    .toSorted((a, b) => a.usedMs - b.usedMs)
    .filter(({ bytes }) => {
      if (over <= 0) return false
      over -= bytes
      return true
    })
}

/** Marks an item as used now. Answers false when it is no longer there. */
export async function noteUse(stamp: string, clock: Clock): Promise<boolean> {
  try {
    await utimes(stamp, clock.now(), clock.now())
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

export const stampOfTree = (tree: string): string => join(tree, recordName)

export function createCacheRoom(options: {
  readonly root: string
  readonly clock: Clock
  readonly logger: Logger
  /** Installs are under way. */
  readonly isBusy: () => boolean
}): CacheRoom {
  const { clock, logger, root } = options
  /** What is in the cache never changes, but for the tarballs. */
  const sizes = new Map<string, number>()
  let running: Promise<unknown> = Promise.resolve()
  const reclaim = async ({ bytesMax, inUse }: RoomOptions): Promise<number> => {
    const items = await listItems(root, sizes)
    const tarballs = layout(root).tarballs
    const stays = options.isBusy() ? [...inUse, join(tarballs, 'busy')] : inUse
    let freed = 0
    for (const item of planEviction(items, { bytesMax, inUse: stays, nowMs: clock.now().getTime() })) {
      if (!(await remove(root, item))) continue
      sizes.delete(item.path)
      freed += item.bytes
      logger.info('removed from the package cache, as it was not used for the longest time', {
        path: item.path,
        bytes: item.bytes,
      })
    }
    return freed
  }
  return {
    reclaim(how) {
      const done = running.then(() => reclaim(how))
      running = done.catch(() => {}) // the caller has it
      return done
    },
  }
}

async function listItems(root: string, sizes: Map<string, number>): Promise<readonly CacheItem[]> {
  const { npm, node, tarballs } = layout(root)
  const places: { readonly path: string; readonly stamp: string }[] = []
  for (const version of await list(npm))
    for (const key of await list(join(npm, version))) {
      const path = join(npm, version, key)
      places.push({ path, stamp: stampOfTree(path) })
    }
  for (const version of await list(node)) {
    const path = join(node, version)
    places.push({ path, stamp: path })
  }
  const unknown = places.map(({ path }) => path).filter((path) => !sizes.has(path))
  const signal = AbortSignal.timeout(measuringMsMax)
  for (const some of chunks([...unknown, tarballs])) {
    const found = await folderSizes(some, { deadlineMs: measuringMsMax, signal })
    for (const [path, bytes] of found ?? []) sizes.set(path, bytes)
  }
  const items: CacheItem[] = []
  for (const { path, stamp } of places) {
    const stats = await stat(stamp).catch(() => undefined) // not whole: an install sweeps it
    const bytes = sizes.get(path)
    if (stats && bytes !== undefined) items.push({ path, stamp, usedMs: stats.mtimeMs, bytes })
  }
  // Only a later install could want them, and can get them again.
  return [{ path: tarballs, stamp: tarballs, usedMs: 0, bytes: sizes.get(tarballs) ?? 0 }, ...items]
}

function* chunks(paths: readonly string[]): Generator<readonly string[]> {
  for (let first = 0; first < paths.length; first += foldersAtOnce)
    yield paths.slice(first, first + foldersAtOnce)
}

/** It is gone at once, as it appeared. Answers false when somebody has asked for it meanwhile. */
async function remove(root: string, { path, stamp, usedMs }: CacheItem): Promise<boolean> {
  const stats = await stat(stamp).catch(() => undefined) // gone already
  if (!stats || (usedMs > 0 && stats.mtimeMs !== usedMs)) return false
  const away = await makeTemporary(root)
  await rename(path, join(away, 'evicted'))
  await rm(away, { recursive: true, force: true })
  return true
}

async function list(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []) // absent means empty
}
