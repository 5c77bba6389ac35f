/**
 * Hands files of the agent's making to the user of a sandboxed pod. Only an agent that is root can, and needs to: everyone
 * else's pods run as themselves.
 */
import { execFile } from 'node:child_process'
import { lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isPodId } from './sandbox-ids.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

const isRoot = (): boolean => process.getuid?.() === 0

export async function give(path: string, { uid, gid }: Owner): Promise<void> {
  if (isRoot()) await lchown(path, uid, gid)
}

/** For what no pod can write to: in a folder of an app's, a link could lead the agent elsewhere between two looks. */
export async function giveAll(path: string, owner: Owner): Promise<void> {
  if (!isRoot()) return
  await give(path, owner)
  const below = await readdir(path, { withFileTypes: true }).catch(() => []) // a file
  for (const entry of below) {
    const inside = join(path, entry.name)
    await (entry.isDirectory() ? giveAll : give)(inside, owner)
  }
}

/** For files that are written anew while a pod has them: they go to who has the folder already. */
export async function giveToOwner(folder: string): Promise<void> {
  if (!isRoot()) return
  const { uid, gid } = await lstat(folder)
  if (uid !== 0) await giveAll(folder, { uid, gid })
}

/**
 * A disk that outlives its pods. Once it has the pod's owner it is left as it is; what was written before there were sandboxes, or
 * by a pod of another namespace, changes its owner with it. chown(1) follows no link, whatever a pod does to the folder meanwhile.
 */
export async function giveDisk(path: string, { uid, gid }: Owner): Promise<void> {
  if (!isRoot()) return
  const found = await lstat(path)
  if (found.uid === uid) return
  if (found.uid === 0 || isPodId(found.uid))
    await promisify(execFile)('/bin/chown', ['-R', '-h', `${uid}:${gid}`, path])
  else await lchown(path, uid, gid)
}
