import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'
import { type Handle, RuntimeError } from '../runtime.ts'
import { endGroup, groupFolders } from './cgroup.ts'
import { markOf } from './environment.ts'
import { ignoresSignal, isAlive, readChildren, readStat, type ProcessStat } from './proc.ts'
import type { MarkedProcess, ProcessTable } from './process-table.ts'
import { recordFile } from './record-files.ts'
import { readExit, readIdentity, writeExit } from './records.ts'

/** Whether the tiny parent lives. Says nothing about a program that outlived it. */
export const isParentAlive = ({ pid, startTicks }: Handle): boolean => isAlive({ pid, startTicks })

/** The program, while it lives. */
function findProgram({ stateDir }: Handle): ProcessStat | undefined {
  const child = readIdentity(stateDir, 'child')
  return typeof child === 'object' && isAlive(child) ? readStat(child.pid) : undefined
}

/**
 * The live processes of the workload: its group, and what left the group but carries its mark.
 *
 * A group's number is not given to another process while one member lives. So one member whose identity is certain
 * (the parent, the program, or a marked process) proves that the whole group is ours.
 */
export function workloadProcesses(
  handle: Handle,
  processes: readonly MarkedProcess[],
): readonly MarkedProcess[] {
  const child = readIdentity(handle.stateDir, 'child')
  const isProgram = (p: MarkedProcess) =>
    typeof child === 'object' && p.pid === child.pid && p.startTicks === child.startTicks
  const isParent = (p: MarkedProcess) => p.pid === handle.pid && p.startTicks === handle.startTicks
  const own = markOf(handle)
  const isCertain = (p: MarkedProcess) => isParent(p) || isProgram(p) || p.mark === own
  const group = processes.filter((p) => p.groupId === handle.pid)
  const ours = group.some(isCertain) ? group : []
  return [...ours, ...processes.filter((p) => p.groupId !== handle.pid && isCertain(p))]
}

/** Without the shells around the program: what there is in them is no sign that it runs. */
export function programProcesses(
  handle: Handle,
  processes: readonly MarkedProcess[],
): readonly MarkedProcess[] {
  const holder = readIdentity(handle.stateDir, 'holder')
  const fence = readIdentity(handle.stateDir, 'fence')
  const is = (known: typeof holder, { pid, startTicks }: MarkedProcess) =>
    typeof known === 'object' && pid === known.pid && startTicks === known.startTicks
  const isSleepOfFence = ({ parentPid }: MarkedProcess) =>
    typeof fence === 'object' && parentPid === fence.pid
  return workloadProcesses(handle, processes).filter(
    (p) => p.pid !== handle.pid && !is(holder, p) && !is(fence, p) && !isSleepOfFence(p),
  )
}

const pollMsMin = 5
const pollMsMax = 50
const killMsMax = 30_000 // a process that survives SIGKILL this long waits for a device; nothing here can end it
const reapRounds = 40 // a fifth of a second; what nobody waits for by then stays as it is

interface StopContext {
  readonly clock: Clock
  readonly table: ProcessTable
}

export interface StopOptions {
  readonly signal: string
  readonly graceMs: number
}

/** See `Runtime.stop`. */
export async function stopWorkload(
  handle: Handle,
  { signal, graceMs }: StopOptions,
  { clock, table }: StopContext,
): Promise<void> {
  const number = signalNumber(signal)
  const context = { clock, table }
  if (graceMs > 0 && (await isGroupAlive(handle, context))) {
    if (isSandboxed(handle)) await programHeeds(handle, number, clock)
    sendToGroup(handle, number)
    await groupGone(handle, graceMs, context)
  }
  const killed = await isGroupAlive(handle, context)
  if (killed) {
    sendToGroup(handle, constants.signals.SIGKILL)
    if (!(await groupGone(handle, killMsMax, context))) throw unkillable(handle)
  }
  await killRest(handle, context)
  // SIGKILL took the parent with it: its last duty is ours.
  if (killed && !(await readExit(handle.stateDir))) {
    writeExit(handle.stateDir, 128 + constants.signals.SIGKILL)
  }
}

export const isSandboxed = ({ stateDir }: Handle): boolean => existsSync(recordFile(stateDir, 'seccomp'))

const heedMsMax = 3_000 // the sandbox is made by then; a program that ignores the signal on purpose loses no more than this

/** Until the program itself is there, the signal is ignored: what makes the sandbox must not end by it. */
async function programHeeds(handle: Handle, signal: number, clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonicMs() + heedMsMax
  while (clock.monotonicMs() < deadlineMs && isParentAlive(handle)) {
    const child = readIdentity(handle.stateDir, 'child')
    const [init = 0] = typeof child === 'object' ? readChildren(child.pid) : []
    const [program = 0] = init ? readChildren(init) : []
    if (program && !ignoresSignal(program, signal)) return
    await clock.sleep(pollMsMin)
  }
}

export function signalNumber(signal: string): number {
  const number = (constants.signals as Readonly<Record<string, number>>)[signal]
  if (number === undefined) {
    throw new RuntimeError('unsupported', `unknown signal ${signal}; write a name such as SIGTERM`)
  }
  return number
}

async function isGroupAlive(handle: Handle, { clock, table }: StopContext): Promise<boolean> {
  if (isParentAlive(handle) || findProgram(handle)) return true
  // Mostly it is only ended processes that nobody has waited for yet: cheaper to give it a moment than to look at all processes.
  for (let round = 0; round < reapRounds && groupExists(handle); round++) await clock.sleep(pollMsMin)
  if (!groupExists(handle)) return false
  // Zombies nobody waits for, or a program that outlived its parent, or a stranger's group of the same number.
  const processes = workloadProcesses(handle, await table.fresh())
  return processes.some((p) => p.groupId === handle.pid)
}

/** True when the group was gone within `timeoutMs`. */
async function groupGone(handle: Handle, timeoutMs: number, context: StopContext): Promise<boolean> {
  const { clock } = context
  const deadlineMs = clock.monotonicMs() + timeoutMs
  for (
    let pollMs = pollMsMin;
    await isGroupAlive(handle, context);
    pollMs = Math.min(pollMs * 2, pollMsMax)
  ) {
    const leftMs = deadlineMs - clock.monotonicMs()
    if (leftMs <= 0) return false
    await clock.sleep(Math.min(pollMs, leftMs))
  }
  return true
}

/** Ends what left the group (daemons, commands of `exec`): its control group knows, or the table of processes. Repeats, because a dying process may have had a child. */
async function killRest(handle: Handle, { clock, table }: StopContext): Promise<void> {
  // A control group that is gone already had nobody in it.
  if (groupFolders(handle.stateDir).length > 0) return await endGroup(handle.stateDir, clock)
  const deadlineMs = clock.monotonicMs() + killMsMax
  for (;;) {
    const rest = workloadProcesses(handle, await table.fresh()).filter((p) => p.pid !== process.pid)
    if (rest.length === 0) return
    if (clock.monotonicMs() > deadlineMs) throw unkillable(handle)
    for (const p of rest) sendSignal(p.pid, constants.signals.SIGKILL)
    await clock.sleep(pollMsMin)
  }
}

const unkillable = (handle: Handle): Error =>
  new Error(
    `workload ${handle.id}: processes of group ${handle.pid} survived SIGKILL for ${killMsMax / 1000} s; they probably wait for a device or a network file system`,
  )

function groupExists(handle: Handle): boolean {
  if (handle.pid <= 1) return false
  try {
    process.kill(-handle.pid, 0)
    return true
  } catch (e) {
    return !isGone(e)
  }
}

/** To the group; and to a program that has left it (setsid(1) does that), with the group that it may have made. */
function sendToGroup(handle: Handle, signal: number): void {
  if (handle.pid <= 1) return // kill(-1) and kill(0) would hit everything
  const program = findProgram(handle)
  const hasLeft = program !== undefined && program.groupId !== handle.pid
  if (hasLeft) sendSignal(program.groupId === program.pid ? -program.pid : program.pid, signal)
  // Without either in it, the group's number may be a stranger's by now.
  if (!hasLeft || isParentAlive(handle)) sendSignal(-handle.pid, signal)
}

const isGone = (e: unknown): boolean => e instanceof Error && 'code' in e && e.code === 'ESRCH'
