import { readBootId, readStat } from '../runtime/process/proc.ts'

/** A pid is used again by and by; with the boot and the start time it names one process for all time. */
export interface ProcessIdentity {
  readonly pid: number
  readonly bootId: string
  readonly startTicks: number
}

/** Undefined when there is no such process. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  return stat && stat.state !== 'Z' ? { pid, bootId: readBootId(), startTicks: stat.startTicks } : undefined
}

/** Whether this very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = processIdentity(identity.pid)
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId
}
