/**
 * Files and folders in places that pods write to, held by a descriptor: between a look at a path and its use a pod may have put a
 * link there, or in place of a folder above it, and an agent that is root would follow.
 */
import { constants } from 'node:fs'
import { mkdir, open, readlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { VolumeError } from './volumes.ts'
import { isErrno } from './write-file.ts'

/** From Linux's fcntl.h; Node.js has no name for it. Such a descriptor names a file, of whatever kind, and opens nothing. */
const namesOnly = 0o10000000

/** Leads to what is held, wherever it is by now. */
const wayTo = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`

/** What is at just this path, over no link. Throws VolumeError. */
async function hold(path: string): Promise<FileHandle> {
  const held = await open(path, namesOnly | constants.O_NOFOLLOW)
  const isThere = (await readlink(wayTo(held))) === path && !(await held.stat()).isSymbolicLink()
  if (isThere) return held
  await held.close()
  throw new VolumeError(`${path} leads over a symbolic link, which is refused`)
}

/** Makes folders below `root`, which is a path without links, as far as they aren't there. Answers with the last one's path. */
export async function makeBelow(root: string, names: readonly string[]): Promise<string> {
  let path = root
  for (const name of names) {
    await using held = await hold(path)
    await mkdir(join(wayTo(held), name), { mode: 0o777 }).catch((error: unknown) => {
      if (!isErrno(error, 'EEXIST')) throw error
    })
    path = join(path, name)
  }
  await using _ = await hold(path)
  return path
}

/** Calls `use` with another path of what is at `path`: one that no pod can change. Throws VolumeError. */
export async function withHeld<T>(path: string, use: (held: string) => Promise<T>): Promise<T> {
  await using held = await hold(path)
  return await use(`/proc/${process.pid}/fd/${held.fd}`)
}
