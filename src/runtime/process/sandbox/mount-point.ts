/** Makes what a volume is mounted over, in another volume that pods write to: from folder to folder, over no link. */
import { closeSync, constants, mkdirSync, openSync, readlinkSync } from 'node:fs'
import type { Bind } from '../../runtime.ts'

/** From Linux's fcntl.h; Node.js has no name for it. Such a descriptor names a file, of whatever kind, and opens nothing. */
const namesOnly = 0o10000000
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants

/** What is there already stays as it is. Throws what the system says: ENOTDIR where there is a link, or a file. */
export function makeMountPoint(
  { isUnsteady, source }: Pick<Bind, 'isUnsteady' | 'source'>,
  names: readonly string[],
  kind: 'file' | 'folder',
): void {
  if (names.some((name) => ['', '.', '..'].includes(name)))
    throw new Error(`${names.join('/')} is no way down from ${source}`)
  let held = openSync(source, namesOnly | O_DIRECTORY)
  try {
    if (isUnsteady && readlinkSync(`/proc/self/fd/${held}`) !== source)
      throw new Error(`${source} leads over a symbolic link, which is refused`)
    for (const [index, name] of names.entries()) {
      const path = `/proc/self/fd/${held}/${name}`
      const isLast = index === names.length - 1
      unlessThere(() => (isLast && kind === 'file' ? makeFile(path) : mkdirSync(path, { mode: 0o755 })))
      if (isLast) return
      const next = openSync(path, namesOnly | O_DIRECTORY | O_NOFOLLOW)
      closeSync(held)
      held = next
    }
  } finally {
    closeSync(held)
  }
}

const makeFile = (path: string): void =>
  closeSync(openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o644))

function unlessThere(make: () => void): void {
  try {
    make()
  } catch (e) {
    if (!(e instanceof Error && 'code' in e && e.code === 'EEXIST')) throw e
  }
}
