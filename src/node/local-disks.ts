/**
 * Volumes on this node's own disk (`src/api/local-volumes.ts`): folders that outlive their pods, and go when their
 * PersistentVolume has gone and wanted that.
 *
 *   ROOT/disks/HANDLE/            what the pods have written
 *   ROOT/disks/HANDLE.json        what the volume's policy was when the API server last spoke of it
 */
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import type { PersistentVolume } from '../api/schema/types.gen.ts'
import { isNotFound } from '../api/status.ts'
import type { NodeContext } from './context.ts'
import { isSafeName, readJson } from './pod-records.ts'
import { removeLiveTree } from './remove-tree.ts'
import { VolumeError } from './volumes.ts'
import { isErrno, writeFileAtomic } from './write-file.ts'

interface DiskRecord {
  /** The volume's own name: handles may be anybody's choice. */
  readonly volume: string
  readonly policy: string
}

const folderOf = (dataDir: string): string => join(dataDir, 'disks')
/** Whether a path lies on such a volume. */
export const isDisk = ({ dataDir }: Pick<NodeContext, 'dataDir'>, path: string): boolean =>
  path.startsWith(`${folderOf(dataDir)}/`)

const recordSuffix = '.json'
/** How late the disk is free after a claim was deleted. */
const sweepMs = 30_000

/** Makes the folder, once. Answers with its path. */
export async function makeDisk(
  { dataDir }: Pick<NodeContext, 'dataDir'>,
  { handle, volume }: { readonly handle: string; readonly volume: PersistentVolume },
): Promise<string> {
  if (!isSafeName(handle) || handle.endsWith(recordSuffix))
    throw new VolumeError(`the volume handle "${handle}" can't be the name of a folder`)
  const path = join(folderOf(dataDir), handle)
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o711 })
  // The record first: a folder without one is never removed.
  await remember(dataDir, handle, volume)
  if ((await mkdir(path, { recursive: true })) !== undefined) await chmod(path, 0o777)
  return path
}

async function remember(
  dataDir: string,
  handle: string,
  { metadata, spec }: PersistentVolume,
): Promise<void> {
  const path = join(folderOf(dataDir), handle + recordSuffix)
  const policy = spec.persistentVolumeReclaimPolicy ?? 'Retain'
  const record: DiskRecord = { volume: metadata.name ?? '', policy }
  const known = await readJson<DiskRecord>(path)
  if (known?.policy !== policy || known.volume !== record.volume)
    await writeFileAtomic(path, JSON.stringify(record))
}

/** Looks through the folders now and then, until disposed of. */
export function openDiskKeeper(context: NodeContext): AsyncDisposable {
  const { clock, logger } = context
  const stop = new AbortController()
  const run = async () => {
    while (!stop.signal.aborted) {
      await sweepDisks(context).catch((error: unknown) =>
        logger.warn('volumes on disk could not be looked through, trying again', { error }),
      )
      await clock.sleep(sweepMs, stop.signal).catch(() => {}) // aborted: the loop ends
    }
  }
  const running = run()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent stops'))
      await running
    },
  }
}

/** Removes what has no volume any more, if that was to be deleted. A server that gives no answer changes nothing. */
export async function sweepDisks({
  client,
  dataDir,
  logger,
}: Pick<NodeContext, 'client' | 'dataDir' | 'logger'>): Promise<void> {
  const folder = folderOf(dataDir)
  const names = await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  for (const name of names.filter((one) => one.endsWith(recordSuffix))) {
    const handle = name.slice(0, -recordSuffix.length)
    const record = await readJson<DiskRecord>(join(folder, name))
    if (!record) continue
    const volume = await client
      .resource<PersistentVolume>(persistentVolumes)
      .get(record.volume, {})
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined
        throw error
      })
    if (volume) await remember(dataDir, handle, volume)
    else if (record.policy === 'Delete') {
      logger.info('a volume is gone, its folder is removed', { handle })
      await removeLiveTree(join(folder, handle)) // a pod that was deleted by force may still run
      await rm(join(folder, name), { force: true })
    }
  }
}
