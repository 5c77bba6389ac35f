/**
 * The network that pods of an ordinary user's agent have among themselves: a namespace with loopback alone, in which the machine's
 * services are not. A small process that does nothing, the holder, keeps it, so that it outlives the agent; pods and commands beside
 * them enter it before bubblewrap makes their sandbox, from which there is no way back.
 *
 * As long as anybody is in it, a holder that was killed is replaced: from there the next one comes into the same network.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { endProcess, findProcess, findSurvivor, networkOf, noteProcess } from './processes.ts'

/** Absolute paths. */
export interface SpacePrograms {
  readonly bwrap: string
  readonly nsenter: string
}

export interface SpaceOptions {
  /** Where the holder is written down. */
  readonly folder: string
  readonly programs: SpacePrograms
  /** Where pods ask that are in it. */
  readonly questionPath: string
  readonly clock: Clock
}

export const holderName = 'holder'
/**
 * Says who it is, waits until that is written down, and gives the pipes back; who started it and was killed meanwhile leaves nothing.
 * The number of seconds is 68 years: not every sleep(1) knows "infinity".
 */
const script = 'echo "$$"; read -r _ && exec sleep 2147483647 <&- >&- 2>&-'
/** A busy machine takes seconds to start two programs. */
const saysWithinMs = 30_000

/** The process that keeps the network: the one from before, one that takes its place, or that of a new one. Throws where the system allows none. */
export async function openSpace(options: SpaceOptions): Promise<number> {
  const { folder, programs } = options
  const before = findProcess(folder, holderName)
  if (before !== undefined) return before
  const survivor = findSurvivor(folder, holderName)
  if (survivor !== undefined) return await holdSpace(options, survivor)
  // Of all that could make one, bubblewrap also brings its loopback up. In it this user is root.
  const make = ['--unshare-user', '--uid', '0', '--gid', '0', '--unshare-net', '--cap-drop', 'ALL']
  return await startHolder(options, [programs.bwrap, ...make, '--dev-bind', '/', '/', '--'])
}

/** A holder for the network in which `pid` is. */
export const holdSpace = (options: SpaceOptions, pid: number): Promise<number> =>
  startHolder(options, enterSpace(options.programs, pid))

async function startHolder(
  { clock, folder, questionPath }: SpaceOptions,
  [program = '', ...args]: readonly string[],
): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const child = spawn(program, [...args, '/bin/sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
  })
  child.stdin.on('error', () => {}) // it has ended: 'close' follows
  try {
    const [said, problem] = await firstWord(child, clock)
    const pid = Number(said)
    if (!Number.isInteger(pid) || pid <= 0 || networkOf(pid) === networkOf('self'))
      throw new Error(`no network could be made for pods: ${problem || 'nobody said who keeps it'}`)
    noteProcess(folder, holderName, pid, questionPath)
    child.stdin.end('go on\n')
    return pid
  } finally {
    // bubblewrap waits beside the program and keeps the pipes: there is no end to wait for.
    child.stdin.end()
    child.stdout.destroy()
    child.stderr.destroy()
    child.unref()
  }
}

function firstWord(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  clock: Clock,
): Promise<[said: string, problem: string]> {
  const problem: string[] = []
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => problem.push(chunk))
  return new Promise((resolve, reject) => {
    const cancel = clock.after(saysWithinMs, () => {
      child.kill('SIGKILL')
      reject(new Error(`no network could be made for pods within ${saysWithinMs / 1000} s`))
    })
    child.once('error', reject)
    child.once('close', () => resolve(['', problem.join('').trim()]))
    child.stdout.setEncoding('utf8').once('data', (said: string) => resolve([said, '']))
    child.once('exit', cancel)
    child.stdout.once('data', cancel)
  })
}

export const closeSpace = (folder: string): void => endProcess(folder, holderName)

/** Goes before the command that shall run there: `pid` is of a process that came in, and made no namespace of its own. */
export const enterSpace = ({ nsenter }: Pick<SpacePrograms, 'nsenter'>, pid: number): readonly string[] => [
  nsenter,
  `--target=${pid}`,
  '--user',
  '--net',
  '--preserve-credentials',
  '--',
]
