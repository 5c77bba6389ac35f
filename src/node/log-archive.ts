/**
 * Logs of pods that are no longer here, for a while.
 *
 *   ROOT/logs/UID/pod.json      whose they are
 *   ROOT/logs/UID/log/NAME/     the segments, as they lay in the pod's folder
 */
import { mkdirSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../base/logger.ts'
import { namesOfPod } from '../api/streams/log-history.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { readJson } from './pod-records.ts'
import { isErrno, writeFileAtomic } from './write-file.ts'

/** Whose logs lie in a folder. */
export interface LogOwner {
  readonly uid: string
  readonly namespace: string
  readonly pod: string
  /** What the logs are asked for by: the pod's own name, and those of its app. */
  readonly names: readonly string[]
}

export interface LogFolder extends LogOwner {
  /** Holds one folder for each container. */
  readonly folder: string
  readonly isArchived: boolean
}

const archiveOf = (dataDir: string): string => join(dataDir, 'logs')

export const ownerOf = ({ metadata }: Pod): LogOwner => ({
  uid: metadata.uid ?? '',
  namespace: metadata.namespace ?? 'default',
  pod: metadata.name ?? '',
  names: namesOfPod(metadata),
})

/**
 * Moves the logs of a pod that leaves to where they are kept. May be repeated after a crash anywhere. A disk that has no room
 * for the note of whose they are costs the logs: nothing may keep a pod from leaving.
 */
export async function archiveLogs(
  { dataDir, logger }: { readonly dataDir: string; readonly logger: Logger },
  pod: Pod,
  folder: string,
): Promise<void> {
  const owner = ownerOf(pod)
  const archive = join(archiveOf(dataDir), owner.uid)
  try {
    // With the note in it at once: `listArchives` may be on its way, and removes what has none.
    mkdirSync(archive, { recursive: true, mode: 0o700 })
    await writeFileAtomic(join(archive, 'pod.json'), JSON.stringify(owner))
    await rename(folder, join(archive, 'log'))
  } catch (error) {
    // It has never run, or its logs were moved before a crash.
    if (!isErrno(error, 'ENOENT')) logger.warn('the logs of a pod could not be kept', { error })
  }
}

/** Those without a note, or without logs, were being made or removed when the agent died: they are removed now. */
export async function listArchives(dataDir: string): Promise<readonly LogFolder[]> {
  const found: LogFolder[] = []
  const uids = await readdir(archiveOf(dataDir)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  for (const uid of uids) {
    const owner = await readJson<LogOwner>(join(archiveOf(dataDir), uid, 'pod.json'))
    if (owner) found.push({ ...owner, folder: join(archiveOf(dataDir), uid, 'log'), isArchived: true })
    else await removeArchive(dataDir, uid)
  }
  return found
}

export const removeArchive = (dataDir: string, uid: string): Promise<void> =>
  rm(join(archiveOf(dataDir), uid), { recursive: true, force: true })
