/** Files that processes hold open and that have no name any more: they take room that no walk over folders finds. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** More open files than this take seconds to look at: then nothing is known. */
const descriptorsMax = 200_000

/** Their bytes on the file system of `folder`; `Infinity` when there is too much to look at. */
export async function unlinkedBytes(pids: readonly number[], folder: string): Promise<number> {
  const { dev } = await stat(folder)
  const sizes = new Map<number, number>() // by inode: children share what they inherit
  let seen = 0
  for (const pid of pids) {
    const descriptors = join('/proc', String(pid), 'fd')
    const names = await readdir(descriptors).catch(() => []) // it has ended, or has become somebody else's
    seen += names.length
    if (seen > descriptorsMax) return Infinity
    for (const name of names) {
      const stats = await stat(join(descriptors, name)).catch(() => undefined) // closed meanwhile
      if (stats?.isFile() && stats.nlink === 0 && stats.dev === dev) sizes.set(stats.ino, stats.blocks * 512)
    }
  }
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
}
