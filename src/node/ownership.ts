/**
 * Hands files of the agent's making to the user of a sandboxed pod. Only an agent that is root can, and needs to: everyone
 * else's pods run as themselves.
 */
import { execFile } from 'node:child_process'
import { lchownSync, lstatSync, readdirSync } from 'node:fs'
import { chown, lchown, lstat, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withHeld } from './held-path.ts'
import { isPodId } from './sandbox-ids.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

const isRoot = (): boolean => process.getuid?.() === 0

export function give(path: string, { uid, gid }: Owner): void {
  if (isRoot()) lchownSync(path, uid, gid)
}

/** For what no pod can write to: in a folder of an app's, a link could lead the agent elsewhere between two looks. */
export function giveAll(path: string, owner: Owner): void {
  if (!isRoot()) return
  give(path, owner)
  if (!lstatSync(path).isDirectory()) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inside = join(path, entry.name)
    if (entry.isDirectory()) giveAll(inside, owner)
    else give(inside, owner)
  }
}

/** For files that are written anew while a pod has them: they go to who has the folder already. */
export function giveToOwner(folder: string): void {
  if (!isRoot()) return
  const { uid, gid } = lstatSync(folder)
  if (uid !== 0) giveAll(folder, { uid, gid })
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

/** What lies within a volume: a pod may put links there at any time. Throws VolumeError. */
export async function giveHeld(path: string, owner: Owner, of: 'disk' | 'folder'): Promise<void> {
  if (!isRoot()) return
  await withHeld(path, async (held) => {
    const isFolder = (await stat(held)).isDirectory()
    if (of === 'disk' && isFolder) await giveDisk(`${held}/.`, owner)
    else await chown(held, owner.uid, owner.gid)
  })
}
