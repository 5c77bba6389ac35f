import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

/** What /proc/PID/stat says of one process. See proc_pid_stat(5). */
export interface ProcessStat {
  readonly pid: number
  /** Z is a zombie: ended, but not yet waited for. */
  readonly state: string
  readonly parentPid: number
  readonly groupId: number
  /** CPU time of the process and of its ended, waited-for children. */
  readonly cpuTicks: number
  /** Clock ticks since boot; with the pid an identity. */
  readonly startTicks: number
}

/** The kernel reports CPU time and start time in these to user space on every architecture that Node.js runs on. */
export const ticksPerSecond = 100

/** Reads the line of /proc/PID/stat. Undefined when it is cut or not such a line. */
export function parseStat(line: string): ProcessStat | undefined {
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const nameEnd = line.lastIndexOf(')')
  const pid = Number.parseInt(line, 10)
  const fields = line.slice(nameEnd + 2).split(' ')
  const number = (index: number) => Number(fields[index])
  const startTicks = number(19)
  if (nameEnd < 0 || !Number.isInteger(pid) || fields.length < 21 || !Number.isInteger(startTicks)) {
    return undefined
  }
  return {
    pid,
    state: fields[0] ?? '',
    parentPid: number(1),
    groupId: number(2),
    cpuTicks: number(11) + number(12) + number(13) + number(14),
    startTicks,
  }
}

/** The process, or undefined when there is none with this pid. */
export function readStat(pid: number): ProcessStat | undefined {
  const text = readProc(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseStat(text)
}

/** Whether the very process lives that had this pid and start time. A zombie does not. */
export function isAlive(identity: { readonly pid: number; readonly startTicks: number }): boolean {
  const stat = identity.pid > 0 ? readStat(identity.pid) : undefined
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== 'Z'
}

/** The environment which the process was started with; undefined when it is gone or another user's. */
export function readEnviron(pid: number): Readonly<Record<string, string>> | undefined {
  const text = readProc(`/proc/${pid}/environ`)
  if (text === undefined) return undefined
  const pairs = text.split('\0').filter((pair) => pair.includes('='))
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}

/**
 * Variables of that environment by name. For scans of the whole machine: to take every environment apart is work enough
 * that V8 optimises it, for which the agent would take 5 MB more for ever.
 */
export function environOf(pid: number): (name: string) => string | undefined {
  const text = `\0${readProc(`/proc/${pid}/environ`) ?? ''}`
  return (name) => {
    const before = `\0${name}=`
    const at = text.indexOf(before)
    return at < 0 ? undefined : text.slice(at + before.length).split('\0', 1)[0]
  }
}

/**
 * Memory in bytes that its end would free, 0 when it is gone: without the files that it has mapped. Those are mostly
 * Node.js itself, which is in memory once for all who run it (34 of 42 MiB of an idle program). Proportional shares
 * (smaps_rollup) would be more exact and cost sixty times as much.
 */
export function readOwnBytes(pid: number): number {
  const text = readProc(`/proc/${pid}/status`) ?? ''
  const kibOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  return (kibOf('RssAnon') + kibOf('RssShmem')) * 1024
}

/** The real user. Who owns the process's folder says less: that of one which may not be dumped belongs to root. */
export function readUser(pid: number): number | undefined {
  const user = /^Uid:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]
  return user === undefined ? undefined : Number(user)
}

export function readWorkingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined // gone, or another user's
  }
}

/** What is mounted where, as it sees it: proc_pid_mountinfo(5). Empty when it is gone. */
export const readMounts = (pid: number | 'self'): string => readProc(`/proc/${pid}/mountinfo`) ?? ''

/** Of its first thread. */
export const readChildren = (pid: number): readonly number[] =>
  (readProc(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number)

/** All that it belongs to; none when it is gone. */
export function readGroups(pid: number): readonly number[] {
  const lines = (readProc(`/proc/${pid}/status`) ?? '').matchAll(/^(?:Gid|Groups):(.*)$/gm)
  return [...lines].flatMap(([, ids = '']) => ids.split(/\s+/).filter(Boolean).map(Number))
}

export function ignoresSignal(pid: number, signal: number): boolean {
  const mask = /^SigIgn:\s+([0-9a-f]+)$/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** Identifies this boot of the machine. */
export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

// Reading one entry takes some 20 µs of CPU; a batch blocks the event loop for about two milliseconds.
const batchSize = 100

/** Every process of the machine that has not ended, mapped by `read`; undefined results are left out. */
export async function scanProcesses<T>(read: (stat: ProcessStat) => T | undefined): Promise<readonly T[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found: T[] = []
  for (const [index, pid] of pids.entries()) {
    if (index % batchSize === batchSize - 1) await yieldToLoop()
    const stat = readStat(Number(pid))
    const mapped = stat === undefined || stat.state === 'Z' ? undefined : read(stat)
    if (mapped !== undefined) found.push(mapped)
  }
  return found
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // ENOENT and ESRCH: it ended; EACCES: another user's, hence not a workload of ours
  }
}
