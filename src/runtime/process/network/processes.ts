/** Processes of the pods' network that outlive who started them: found again by what is written of them. */
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sendSignal } from '../../../base/send-signal.ts'
import { environOf, isAlive, readBootId, readStat } from '../proc.ts'

interface Note {
  readonly pid: number
  readonly startTicks: number
  readonly bootId: string
  readonly network?: string
  readonly users?: string
  /** Where pods that are in that network ask. */
  readonly questionPath?: string
}

export const keeperName = 'keeper'

/** `name` is that of a file in `folder`. Whole or not at all. */
export function noteProcess(folder: string, name: string, pid: number, questionPath?: string): void {
  const file = join(folder, name)
  const spaces = { network: namespaceOf(pid, 'net'), users: namespaceOf(pid, 'user') }
  const note = { ...readStat(pid), bootId: readBootId(), ...spaces, questionPath }
  writeFileSync(`${file}.new`, JSON.stringify(note), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Its pid, if it still runs. */
export function findProcess(folder: string, name: string): number | undefined {
  const noted = readNote(folder, name)
  return noted && isAlive(noted) ? noted.pid : undefined
}

/**
 * When it has ended: another one in the same network and namespace of users, from which one gets there, too. The kernel gives numbers of
 * namespaces to others when they are gone, so it must also be one that was told to ask there.
 */
export function findSurvivor(folder: string, name: string): number | undefined {
  const { network, questionPath, users } = readNote(folder, name) ?? {}
  if (network === undefined || users === undefined || questionPath === undefined) return undefined
  return processesIn(network).find(
    (pid) => namespaceOf(pid, 'user') === users && environOf(pid)('SAMPAN_OUT') === questionPath,
  )
}

export function endProcess(folder: string, name: string): void {
  const pid = findProcess(folder, name)
  if (pid !== undefined) sendSignal(pid, 'SIGKILL')
  rmSync(join(folder, name), { force: true })
}

/** Undefined when nobody was noted since the machine has started. */
function readNote(folder: string, name: string): Note | undefined {
  try {
    const noted = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Note
    return noted.bootId === readBootId() ? noted : undefined
  } catch {
    return undefined // no file, or one that a power loss has cut
  }
}

/** The network in which a process is; undefined when it has ended or is another user's. */
export const networkOf = (pid: number | 'self'): string | undefined => namespaceOf(pid, 'net')

function namespaceOf(pid: number | 'self', kind: 'net' | 'pid' | 'user'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined // it has ended, or is another user's
  }
}

/** Those of this user in the network of `pid`. */
export function processesBeside(pid: number): readonly number[] {
  const network = networkOf(pid)
  return network === undefined ? [] : processesIn(network)
}

/** Pods see none but their own: what is of theirs has another number there. */
export const isInPod = (pid: number): boolean => namespaceOf(pid, 'pid') !== namespaceOf('self', 'pid')

const processesIn = (network: string): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && networkOf(pid) === network)
