/** Lets the children of a control group of version 2 use controllers: a group with processes may not, so they make room first. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Controller } from './cgroup-plan.ts'
import { readStat } from './proc.ts'

/** Where to, below the group. */
const asideName = 'sampan-self'

/**
 * Whose processes make room. `own`: those of Sampan and what has started it; where there are others (a terminal whose windows share
 * a group), none does. `all`: root has its groups where the tree begins; if that has processes which keep it from handing
 * controllers on, it is that of a container, and all there is in it stays bounded as before.
 */
export type Movable = 'own' | 'all'

/** False where this can't be. */
export async function handControllers(
  folder: string,
  wanted: readonly Controller[],
  movable: Movable,
): Promise<boolean> {
  const file = join(folder, 'cgroup.subtree_control')
  const change = wanted.map((controller) => `+${controller}`).join(' ')
  const now = await wordsOf(file)
  if (wanted.every((controller) => now.includes(controller))) return true
  try {
    await writeFile(file, change, { flag: 'r+' })
    return true
  } catch {
    return await handWhenEmpty(folder, change, movable) // not ours, or there are processes in it
  }
}

const moveRoundsMax = 20 // a process that was just being made is in the group after the others have moved

async function handWhenEmpty(folder: string, change: string, movable: Movable): Promise<boolean> {
  const members = () => wordsOf(join(folder, 'cgroup.procs'))
  if (movable === 'own' && !(await members()).every((pid) => isOwn(Number(pid)))) return false
  const aside = join(folder, asideName)
  try {
    await mkdir(aside, { recursive: true })
  } catch {
    return false // not ours
  }
  for (let round = 0; round < moveRoundsMax; round++) {
    for (const pid of await members())
      if (movable === 'all' || isOwn(Number(pid)))
        await writeFile(join(aside, 'cgroup.procs'), pid, { flag: 'r+' }).catch(() => {}) // it has ended
    try {
      await writeFile(join(folder, 'cgroup.subtree_control'), change, { flag: 'r+' })
      return true
    } catch (e) {
      if (!(e instanceof Error && 'code' in e && e.code === 'EBUSY')) return false // not ours
    }
  }
  return false
}

/** This process, those that have started it, and what its parent has started: the other parts of Sampan. One that has ended is nobody's. */
function isOwn(pid: number): boolean {
  if (pid === 0) return false // the kernel's word for one in another namespace
  if (ancestorsOf(process.pid).includes(pid)) return true
  return readStat(pid) === undefined || (process.ppid > 1 && ancestorsOf(pid).includes(process.ppid))
}

/** With itself, up to the first process. */
function ancestorsOf(pid: number): readonly number[] {
  const found: number[] = []
  for (let at = pid; at > 0 && !found.includes(at); at = readStat(at)?.parentPid ?? 0) found.push(at)
  return found
}

export const wordsOf = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split(/\s+/).filter(Boolean) // no such file: nothing offered
