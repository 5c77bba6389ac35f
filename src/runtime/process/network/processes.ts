/** Processes of the pods' network that outlive who started them: found again by what is written of them. */
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sendSignal } from '../../../base/send-signal.ts'
import { isAlive, readBootId, readStat } from '../proc.ts'

interface Identity {
  readonly pid: number
  readonly startTicks: number
  readonly bootId: string
}

export const keeperName = 'keeper'

/** `name` is that of a file in `folder`. Whole or not at all. */
export function noteProcess(folder: string, name: string, pid: number): void {
  const file = join(folder, name)
  writeFileSync(`${file}.new`, JSON.stringify({ ...readStat(pid), bootId: readBootId() }), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Its pid, if it still runs. */
export function findProcess(folder: string, name: string): number | undefined {
  try {
    const noted = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Identity
    return noted.bootId === readBootId() && isAlive(noted) ? noted.pid : undefined
  } catch {
    return undefined // nobody has noted one
  }
}

export function endProcess(folder: string, name: string): void {
  const pid = findProcess(folder, name)
  if (pid !== undefined) sendSignal(pid, 'SIGKILL')
  rmSync(join(folder, name), { force: true })
}

/** The network in which a process is; undefined when it has ended or is another user's. */
export function networkOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

/** Those of this user in the network of `pid`. */
export function processesBeside(pid: number): readonly number[] {
  const network = networkOf(pid)
  return readdirSync('/proc')
    .map(Number)
    .filter((other) => Number.isInteger(other) && networkOf(other) === network)
}
