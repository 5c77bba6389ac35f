/**
 * The network that pods of an ordinary user's agent have among themselves: a namespace with loopback alone, in which the machine's
 * services are not. A small process that does nothing keeps it, so that it outlives the agent; pods and commands beside
 * them enter it before bubblewrap makes their sandbox, from which there is no way back.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { endProcess, findProcess, networkOf, noteProcess } from './processes.ts'

/** Absolute paths. */
export interface SpacePrograms {
  readonly bwrap: string
  readonly nsenter: string
}

export const holderName = 'holder'
/** Says who it is and gives the pipe back. */
const script = 'echo "$$"; exec sleep infinity >&- 2>&-'

/** The process that keeps the network: the one from before, or a new one. Throws where the system allows none. */
export async function openSpace(folder: string, { bwrap }: SpacePrograms): Promise<number> {
  const before = findProcess(folder, holderName)
  if (before !== undefined) return before
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Of all that could make one, bubblewrap also brings its loopback up. In it this user is root.
  const options = ['--unshare-user', '--uid', '0', '--gid', '0', '--unshare-net', '--cap-drop', 'ALL']
  const child = spawn(bwrap, [...options, '--dev-bind', '/', '/', '--', '/bin/sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
  })
  const [said, problem] = await firstWord(child)
  child.unref()
  const pid = Number(said)
  if (!Number.isInteger(pid) || pid <= 0 || networkOf(pid) === networkOf('self'))
    throw new Error(`no network could be made for pods: ${problem || 'bubblewrap said nothing'}`)
  noteProcess(folder, holderName, pid)
  return pid
}

/** bubblewrap waits beside the program and keeps the pipes: there is no end to wait for. */
async function firstWord(child: ChildProcessByStdio<null, Readable, Readable>): Promise<[string, string]> {
  const problem: string[] = []
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => problem.push(chunk))
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => resolve(['', problem.join('').trim()]))
      child.stdout.setEncoding('utf8').once('data', (said: string) => resolve([said, '']))
    })
  } finally {
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

export const closeSpace = (folder: string): void => endProcess(folder, holderName)

/** Goes before the command that shall run there: `holderPid` is from `openSpace`. */
export const enterSpace = (
  { nsenter }: Pick<SpacePrograms, 'nsenter'>,
  holderPid: number,
): readonly string[] => [nsenter, `--target=${holderPid}`, '--user', '--net', '--preserve-credentials', '--']
