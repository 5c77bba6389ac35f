/** Looks after all logs of the node: packs what doesn't change any more, and removes what is too old or too much. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { planRemoval, type KeptSegment, type LogBudget } from './log-budget.ts'
import { allSegments, type LogSegment } from './log-files.ts'
import { listArchives, removeArchive, type LogFolder } from './log-archive.ts'
import { packSegment, unfinishedSuffix } from './log-packing.ts'
import { isErrno } from './write-file.ts'

export interface LogKeeper extends AsyncDisposable {
  /** Makes room: leaves a quarter of what the node may keep otherwise. A disk that others have filled does not cost all logs. */
  reclaim(): Promise<void>
}

export interface LogKeeperOptions {
  readonly dataDir: string
  /** Logs of the pods that are here. */
  readonly live: () => readonly LogFolder[]
  readonly budget: LogBudget
  readonly clock: Clock
  readonly logger: Logger
}

/** What a program can write meanwhile is bounded by rotation, so nothing is in a hurry. */
const sweepMs = 2 * 60_000
const pressureShare = 0.25
/** The newest are looked after; a thousand pods that come and go in a retention time are plenty. */
const archivesMax = 2_000

export function openLogKeeper(options: LogKeeperOptions): LogKeeper {
  const { clock, logger, budget } = options
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const sweep = (nodeBytesMax: number) => {
    running = running.then(() =>
      sweepLogs(options, { ...budget, nodeBytesMax }, stop.signal).catch((error: unknown) =>
        logger.warn('logs could not be looked through, trying again later', { error }),
      ),
    )
    return running
  }
  const cancel = clock.every(sweepMs, () => void sweep(budget.nodeBytesMax))
  return {
    reclaim: () => sweep(budget.nodeBytesMax * pressureShare),
    async [Symbol.asyncDispose]() {
      cancel()
      stop.abort(new Error('the agent stops'))
      await running
    },
  }
}

/** One look at everything. */
export async function sweepLogs(
  { clock, dataDir, live, logger }: LogKeeperOptions,
  budget: LogBudget,
  signal: AbortSignal,
): Promise<void> {
  const archives = await listArchives(dataDir)
  const kept: KeptSegment[] = []
  for (const folder of [...live(), ...archives]) {
    if (signal.aborted) return
    const found = await segmentsOf(folder, (path) =>
      packSegment(path).catch((error: unknown) => logger.debug('a log could not be packed', { path, error })),
    )
    kept.push(...found)
    if (folder.isArchived && found.length === 0) await removeArchive(dataDir, folder.uid)
  }
  for (const { path } of planRemoval(kept, budget, clock.now().getTime())) await rm(path, { force: true })
  if (archives.length > archivesMax) await removeOldest(dataDir, archives, kept)
}

async function segmentsOf(
  owner: LogFolder,
  pack: (path: string) => Promise<void>,
): Promise<readonly KeptSegment[]> {
  const kept: KeptSegment[] = []
  for (const container of await list(owner.folder)) {
    const folder = join(owner.folder, container)
    for (const name of await list(folder))
      if (name.endsWith(unfinishedSuffix)) await rm(join(folder, name), { force: true })
    const segments = await allSegments(folder)
    for (const one of segments) if (!one.isPacked && isClosed(owner, one, segments)) await pack(one.path)
    for (const { attempt, segment, path } of await allSegments(folder)) {
      const stats = await stat(path).catch(() => undefined) // rotated away meanwhile
      if (!stats) continue
      const { namespace, uid: pod } = owner
      const isCurrent = !owner.isArchived && isLast({ attempt, segment }, segments)
      const [bytes, modifiedMs] = [stats.blocks * 512, stats.mtimeMs]
      kept.push({ path, namespace, pod, container, attempt, segment, bytes, modifiedMs, isCurrent })
    }
  }
  return kept
}

/** It may grow, or is the end of the attempt before. */
function isLast(
  { attempt, segment }: Pick<LogSegment, 'attempt' | 'segment'>,
  all: readonly LogSegment[],
): boolean {
  const last = all.at(-1)
  if (!last || attempt === last.attempt) return !last || segment >= last.segment - 1
  const before = all.findLast((one) => one.attempt < last.attempt)
  return attempt === before?.attempt && segment === before.segment
}

/** An agent that was killed may take the one before the last up again: see `recover` in `log-follower.ts`. */
function isClosed({ isArchived }: LogFolder, one: LogSegment, all: readonly LogSegment[]): boolean {
  const last = all.at(-1)
  return isArchived || !last || one.attempt < last.attempt || one.segment < last.segment - 1
}

async function removeOldest(
  dataDir: string,
  archives: readonly LogFolder[],
  kept: readonly KeptSegment[],
): Promise<void> {
  const newest = new Map<string, number>()
  for (const { pod, modifiedMs } of kept) newest.set(pod, Math.max(newest.get(pod) ?? 0, modifiedMs))
  const oldestFirst = archives.toSorted((a, b) => (newest.get(a.uid) ?? 0) - (newest.get(b.uid) ?? 0))
  for (const { uid } of oldestFirst.slice(0, archives.length - archivesMax)) await removeArchive(dataDir, uid)
}

async function list(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return []
    throw error
  })
}
