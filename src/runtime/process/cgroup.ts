/**
 * The control group of one workload: what bounds it and by which all of it is found. Its folders stand in the stateDir
 * (`cgroups`, one path on each line), written before they are made: whoever finds the record finds the group, whichever
 * agent made it. The program's shell enters them before it becomes the program, the tiny parent stays outside.
 */
import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs'
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'
import { RuntimeError, type ExpectedStart, type Stats } from '../runtime.ts'
import { type CgroupTree, planGroup, type Setting } from './cgroup-plan.ts'
import { markOf } from './environment.ts'
import { isMissing, readIfThere, recordFile } from './record-files.ts'

/** What upstream's nodes are often set to; a Node.js program has a dozen threads. */
const pidsMaxDefault = 1_024

export async function makeGroup(tree: CgroupTree, spec: ExpectedStart): Promise<void> {
  const { cpuMillis, cpuRequestMillis, memoryBytes, io, pidsMax = pidsMaxDefault } = spec.resources ?? {}
  const plan = planGroup(tree, markOf(spec), {
    pidsMax,
    ...(cpuMillis !== undefined && { cpuMillis }),
    ...(cpuRequestMillis !== undefined && { cpuRequestMillis }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(io !== undefined && { io }),
  })
  writeFileSync(recordFile(spec.stateDir, 'cgroups'), plan.folders.map((f) => `${f}\n`).join(''))
  try {
    // A folder's settings in their order; version 1 has several folders, which know nothing of each other.
    await Promise.all(
      plan.folders.map(async (folder) => {
        await mkdir(folder, { recursive: true })
        for (const setting of plan.settings) if (dirname(setting.path) === folder) await apply(setting)
      }),
    )
  } catch (e) {
    const why = `its limits could not be set: ${e instanceof Error ? e.message : String(e)}`
    throw new RuntimeError('start-failed', `cannot start ${spec.id}: ${why}`, { cause: e })
  }
}

async function apply({ path, value, isOptional }: Setting): Promise<void> {
  try {
    await writeFile(path, value, { flag: 'r+' }) // never made: in a folder that is no control group it would say nothing
  } catch (e) {
    if (!(isOptional && isMissing(e))) throw e
  }
}

/** Empty for a workload without a group. */
export function groupFolders(stateDir: string): readonly string[] {
  const text = readIfThere(recordFile(stateDir, 'cgroups')) ?? ''
  return text.split('\n').filter((line) => line !== '')
}

/** How often the kernel has ended a process of the group for want of memory. */
export function countOomKills(folders: readonly string[]): number {
  for (const folder of folders)
    for (const file of ['memory.events', 'memory.oom_control']) {
      const text = readIfThere(join(folder, file))
      if (text !== undefined) return numberAfter('oom_kill', text)
    }
  return 0
}

/** Undefined when there is no group, or it is no more. */
export function groupStats(folders: readonly string[]): Stats | undefined {
  const pids = groupProcesses(folders)
  if (pids === undefined) return undefined
  const read = (file: string) => firstOf(folders, file)
  const nanoseconds = read('cpuacct.usage')
  const times = read('cpu.stat')
  const memory = read('memory.stat')
  if ((nanoseconds ?? times) === undefined || memory === undefined) return undefined
  const cpuSeconds =
    nanoseconds === undefined ? numberAfter('usage_usec', times ?? '') / 1e6 : Number(nanoseconds) / 1e9
  const isVersion1 = /^total_rss /m.test(memory)
  const memoryBytes = isVersion1
    ? numberAfter('total_rss', memory) + numberAfter('total_shmem', memory)
    : numberAfter('anon', memory) + numberAfter('shmem', memory)
  return { cpuSeconds, memoryBytes, pids: pids.length }
}

/** Undefined when there is no group. */
export function groupProcesses(folders: readonly string[]): readonly number[] | undefined {
  const lists = folders.flatMap((folder) => readIfThere(join(folder, 'cgroup.procs')) ?? [])
  if (lists.length === 0) return undefined
  // Version 2 names a process of another PID namespace 0, and kill(2) takes 0 for the caller's whole group.
  return [...new Set(lists.flatMap((list) => list.split('\n').map(Number)))].filter((pid) => pid > 0)
}

const endPollMs = 5
const endMsMax = 30_000 // what survives SIGKILL for so long waits for a device

/** Ends every process of the group, keeps what must be known of it, and removes it. Idempotent. */
export async function endGroup(stateDir: string, clock: Clock): Promise<void> {
  const folders = groupFolders(stateDir)
  if (groupProcesses(folders) === undefined) return
  // Nothing new may begin while the rest is being ended, however fast it forks.
  for (const folder of folders) writeIfThere(join(folder, 'pids.max'), '0')
  const deadlineMs = clock.monotonicMs() + endMsMax
  for (;;) {
    const pids = groupProcesses(folders) ?? []
    if (pids.length === 0) break
    if (clock.monotonicMs() > deadlineMs)
      throw new Error(
        `processes of the control group ${folders[0]} survived SIGKILL for ${endMsMax / 1000} s`,
      )
    for (const folder of folders) writeIfThere(join(folder, 'cgroup.kill'), '1')
    for (const pid of pids) sendSignal(pid, 'SIGKILL')
    await clock.sleep(endPollMs)
  }
  if (countOomKills(folders) > 0) writeFileSync(recordFile(stateDir, 'oom'), 'oom\n')
  for (const folder of folders) await removeEnded(folder, clock)
}

const removeRoundsMax = 200 // a second

/** A group that lists nobody any more may still have threads that are giving their memory back: the kernel refuses until they have. */
async function removeEnded(folder: string, clock: Clock): Promise<void> {
  for (let round = 0; round < removeRoundsMax; round++) {
    try {
      return await rmdir(folder)
    } catch (e) {
      if (isMissing(e)) return // whoever ended it at the same time
      await clock.sleep(endPollMs)
    }
  }
  // Groups that the program has made in its own: nobody is in them.
}

/** Of a workload whose program was never started. */
export async function removeUnused(stateDir: string): Promise<void> {
  for (const folder of groupFolders(stateDir)) await removeEmpty(folder)
}

/** Groups that nobody is in: of workloads whose agent was killed at the wrong moment. */
export async function sweepGroups(folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
      // none yet
      if (entry.isDirectory()) await removeEmpty(join(folder, entry.name))
}

/** Leaves nothing of an agent's, unless something still runs. */
export async function removeGroups(folders: readonly string[]): Promise<void> {
  await sweepGroups(folders)
  for (const folder of folders) await removeEmpty(folder)
}

/** The kernel refuses to remove a group that somebody is in; then it stays, and the next sweep takes it. */
const removeEmpty = (folder: string): Promise<void> => rmdir(folder).catch(() => {})

const numberAfter = (name: string, text: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

function firstOf(folders: readonly string[], file: string): string | undefined {
  for (const folder of folders) {
    const text = readIfThere(join(folder, file))
    if (text !== undefined) return text
  }
  return undefined
}

/** Neither made nor opened for reading: nobody but root may read `cgroup.kill`. */
function writeIfThere(path: string, value: string): void {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_WRONLY)
    writeSync(file, value)
  } catch (e) {
    if (!isMissing(e)) throw e
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
