/** What one file of tests has left: processes, found by its group and by its own folder for temporary files; and this folder. */
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sendSignal } from '../src/base/send-signal.ts'

export interface Leftover {
  readonly pid: number
  readonly command: string
}

interface Process extends Leftover {
  readonly parent: number
  readonly group: number
  readonly isOfFolder: boolean
}

/** Of a line of arguments: enough to know the program by. */
const commandLengthMax = 160

/**
 * Those of the group, those that have the folder in their arguments, their environment or as the place they are at, and all that these
 * have started. Empty where there is no /proc.
 */
export function findLeftovers(group: number, folder: string): readonly Leftover[] {
  const all = processes(folder)
  const found = new Set(all.filter((one) => one.group === group || one.isOfFolder).map(({ pid }) => pid))
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const { parent, pid } of all) if (found.has(parent)) found.add(pid)
  }
  return all.filter(({ pid }) => found.has(pid)).map(({ command, pid }) => ({ pid, command }))
}

/** Asks again until none is left: a process may start another while it is ended. */
export function endLeftovers(group: number, folder: string): void {
  const roundsMax = 20
  for (let round = 0; round < roundsMax; round++) {
    const left = findLeftovers(group, folder)
    if (left.length === 0) return
    for (const { pid } of left) sendSignal(pid, 'SIGKILL')
  }
}

/** Removes the folder, unless something is mounted in it, whose files are not the folder's. Answers why it is still there. */
export function removeFolder(folder: string): string | undefined {
  const mounts = readOrNothing(() => readFileSync('/proc/self/mounts', 'utf8')).split('\n')
  const mounted = mounts.map((line) => line.split(' ')[1]).filter((path) => path?.startsWith(folder))
  if (mounted.length > 0) return `still mounted: ${mounted.join(' ')}`
  try {
    rmSync(folder, { recursive: true, force: true })
    return undefined
  } catch (error) {
    return String(error)
  }
}

function processes(folder: string): readonly Process[] {
  return names('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    try {
      return [readProcess(pid, folder)].filter((one) => one !== undefined)
    } catch {
      return [] // it has ended meanwhile, or is none of this user's
    }
  })
}

function readProcess(pid: number, folder: string): Process | undefined {
  const read = (file: string) => readFileSync(join('/proc', String(pid), file), 'utf8')
  const [state, parent, group] = read('stat').split(') ').at(-1)?.split(' ') ?? []
  if (state === 'Z') return undefined // it has ended; its parent has not looked yet
  const args = read('cmdline')
  const isOfFolder =
    args.includes(folder) ||
    readOrNothing(() => read('environ')).includes(folder) ||
    readOrNothing(() => readlinkSync(join('/proc', String(pid), 'cwd'))).startsWith(folder)
  const command = args
    .replaceAll(/[\s\0]+/g, ' ')
    .trim()
    .slice(0, commandLengthMax)
  return { pid, parent: Number(parent), group: Number(group), isOfFolder, command }
}

function readOrNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return '' // another user's
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // no such folder outside Linux
  }
}
