import { constants } from 'node:fs'
import { access, mkdir, readdir, stat } from 'node:fs/promises'
import { release } from 'node:os'
import { isAbsolute, join, resolve, sep } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import {
  type Handle,
  type Probe,
  type Runtime,
  RuntimeError,
  type Stats,
  type WorkloadSpec,
  type WorkloadState,
} from '../runtime.ts'
import { endGroup, groupFolders, groupStats, makeGroup } from './cgroup.ts'
import type { CgroupTree } from './cgroup-plan.ts'
import { markOf } from './environment.ts'
import { execIn, type Surroundings } from './exec.ts'
import { execStreamIn } from './exec-stream.ts'
import { isParentAlive, programProcesses, stopWorkload } from './group.ts'
import { spawnParent } from './parent.ts'
import { readBootId, readEnviron, readOwnBytes, readWorkingDirectory, ticksPerSecond } from './proc.ts'
import { createProcessTable, type ProcessTable } from './process-table.ts'
import { handleOf, readExit, readIdentity, readSpec, runtimeName, writeSpec } from './records.ts'
import { endStdin, openStdin } from './stdin.ts'
import { waitForExit } from './wait.ts'

export interface ProcessRuntimeOptions {
  readonly clock: Clock
  /** Where workloads get control groups, from `findCgroups`; without it nothing bounds them. */
  readonly cgroups?: CgroupTree
}

/**
 * Runs workloads as ordinary processes of this user on Linux. Start reading at `parent.ts`: it holds the crash-safety
 * protocol; `records.ts` lists the files. Besides its own environment a workload sees SAMPAN_WORKLOAD (a mark
 * by which its processes are found), SAMPAN_POD_ADDRESS, and for Node.js programs NODE_OPTIONS with the preload.
 */
export function openProcessRuntime({ clock, cgroups }: ProcessRuntimeOptions): Runtime {
  const table = createProcessTable(clock)
  const inspect = (handle: Handle) => inspectWorkload(handle, table)
  return {
    name: runtimeName,
    capabilities: {
      isolation: 'process',
      exec: true,
      memoryLimit: cgroups?.folders.memory !== undefined,
      cpuLimit: cgroups?.folders.cpu !== undefined,
      pidsLimit: cgroups?.folders.pids !== undefined,
    },
    probe,
    start: (spec) => start(spec, { clock, ...(cgroups && { cgroups }) }),
    recover: (stateDir) => recover(stateDir, table),
    inspect,
    async wait(handle, signal) {
      const exit = await waitForExit(handle, signal, { clock, inspect })
      await endGroup(handle.stateDir, clock) // as a container ends with its first process
      return exit
    },
    stop: (handle, how) => stopWorkload(handle, how, { clock, table }),
    stats: (handle) => stats(handle, table),
    async exec(handle, spec) {
      return await execIn(await surroundings(handle, table, clock), spec, clock)
    },
    async execStream(handle, spec) {
      return await execStreamIn(await surroundings(handle, table, clock), spec, clock)
    },
    async openStdin({ stateDir }) {
      return openStdin(stateDir)
    },
    async endStdin({ stateDir }) {
      endStdin(stateDir)
    },
    orphans: (root) => orphans(root, table),
  }
}

async function probe(): Promise<Probe> {
  if (process.platform !== 'linux') {
    return {
      usable: false,
      reason: `the process runtime needs Linux's /proc; this machine runs ${process.platform}`,
    }
  }
  for (const path of ['/proc/self/stat', '/proc/sys/kernel/random/boot_id', '/bin/sh', '/usr/bin/env']) {
    try {
      await access(path)
    } catch {
      return { usable: false, reason: `the process runtime needs ${path}, which is not readable here` }
    }
  }
  return { usable: true, version: `linux-${release()}` }
}

async function start(spec: WorkloadSpec, { clock, cgroups }: ProcessRuntimeOptions): Promise<Handle> {
  await refuseUnrunnable(spec)
  await mkdir(spec.stateDir, { recursive: true, mode: 0o700 })
  if (readIdentity(spec.stateDir, 'pid') !== undefined) {
    throw new RuntimeError('exists', `workload ${spec.id} was already started; find it with recover`)
  }
  await writeSpec(spec, readBootId())
  if (cgroups) await makeGroup(cgroups, spec)
  await spawnParent(spec, clock)
  const record = await readSpec(spec.stateDir)
  const parent = readIdentity(spec.stateDir, 'pid')
  if (!record || typeof parent !== 'object') {
    throw new RuntimeError('start-failed', `the records of ${spec.id} in ${spec.stateDir} were removed`)
  }
  return handleOf(parent, record, spec.stateDir)
}

/** A shell would report these only as exit code 126 or 127. */
async function refuseUnrunnable({ argv, cwd, id }: WorkloadSpec): Promise<void> {
  const program = argv[0] ?? ''
  const fail = (why: string, cause?: unknown) =>
    new RuntimeError('start-failed', `cannot start ${program || id}: ${why}`, { cause })
  if (!isAbsolute(program)) throw fail('the program must be given by its absolute path')
  if (program.includes('=')) throw fail('a program whose path contains "=" cannot be run; move it elsewhere')
  const file = await stat(program).catch((e: unknown) => {
    throw fail('there is no such file', e)
  })
  if (!file.isFile()) throw fail('it is not a file')
  await access(program, constants.X_OK).catch((e: unknown) => {
    throw fail('it is not executable; chmod +x it', e)
  })
  const folder = await stat(cwd).catch((e: unknown) => {
    throw fail(`its working directory ${cwd} does not exist`, e)
  })
  if (!folder.isDirectory()) throw fail(`its working directory ${cwd} is not a folder`)
}

async function inspectWorkload(handle: Handle, table: ProcessTable): Promise<WorkloadState> {
  const before = await readExit(handle.stateDir)
  if (before) return { phase: 'exited', exit: before }
  if (handle.bootId !== readBootId()) return { phase: 'lost' }
  const child = readIdentity(handle.stateDir, 'child')
  if (isParentAlive(handle)) {
    return { phase: 'running', pid: typeof child === 'object' ? child.pid : handle.pid }
  }
  // The parent may have ended between the two looks, with its duty done.
  const exit = await readExit(handle.stateDir)
  if (exit) return { phase: 'exited', exit }
  const [outlived] = programProcesses(handle, await table.fresh())
  return outlived ? { phase: 'running', pid: outlived.pid } : { phase: 'lost' }
}

async function recover(stateDir: string, table: ProcessTable): Promise<Handle | undefined> {
  const spec = await readSpec(stateDir)
  if (!spec) return undefined
  const parent = readIdentity(stateDir, 'pid')
  if (typeof parent === 'object') return handleOf(parent, spec, stateDir)
  // A parent in its first instructions, or one that was killed there: then there is a 'cut' file and nothing runs.
  const early = (await table.fresh()).find((p) => p.stateDir === stateDir && p.pid === p.groupId)
  if (early) return handleOf(early, spec, stateDir)
  const late = readIdentity(stateDir, 'pid')
  if (late === undefined) return undefined
  const nobody = { pid: 0, state: '', parentPid: 0, groupId: 0, cpuTicks: 0, startTicks: 0 }
  return handleOf(late === 'cut' ? nobody : late, spec, stateDir)
}

async function stats(handle: Handle, table: ProcessTable): Promise<Stats> {
  const measured = groupStats(groupFolders(handle.stateDir))
  if (measured) return measured
  const processes = programProcesses(handle, await table.recent())
  return {
    cpuSeconds: processes.reduce((sum, p) => sum + p.cpuTicks, 0) / ticksPerSecond,
    memoryBytes: processes.reduce((sum, p) => sum + readOwnBytes(p.pid), 0),
    pids: processes.length,
  }
}

const surroundingsPollMs = 10
const surroundingsRoundsMax = 50

/**
 * From the program itself, once it is the program: between fork and exec it still has the shell's environment, and in
 * the middle of exec none. A program that has overwritten its own (some do, to change their title) leaves the parent's.
 */
async function surroundings(handle: Handle, table: ProcessTable, clock: Clock): Promise<Surroundings> {
  const folders = groupFolders(handle.stateDir)
  for (let round = 0; ; round++) {
    const state = await inspectWorkload(handle, table)
    if (state.phase !== 'running') {
      throw new RuntimeError('not-found', `workload ${handle.id} does not run`)
    }
    const cwd = readWorkingDirectory(state.pid) ?? (await readSpec(handle.stateDir))?.cwd ?? '/'
    const env = readEnviron(state.pid)
    if (env?.['SAMPAN_WORKLOAD'] === markOf(handle) && !env['SAMPAN_STATE_DIR']) return { env, cwd, folders }
    if (round >= surroundingsRoundsMax) {
      const { SAMPAN_STATE_DIR: _, ...rest } = readEnviron(handle.pid) ?? {}
      return { env: rest, cwd, folders }
    }
    await clock.sleep(surroundingsPollMs)
  }
}

const stateDirDepthMax = 4 // ROOT/POD/CONTAINER/ATTEMPT/STATE: deeper than any layout of an agent

async function orphans(root: string, table: ProcessTable): Promise<readonly Handle[]> {
  const under = resolve(root) + sep
  const marked = (await table.fresh()).filter((p) => p.pid === p.groupId && p.stateDir?.startsWith(under))
  // The records find what outlived its parent, the marks what has not yet written its record.
  const stateDirs = new Set([
    ...marked.flatMap((p) => p.stateDir ?? []),
    ...(await findStateDirs(root, stateDirDepthMax)),
  ])
  const handles: Handle[] = []
  for (const stateDir of stateDirs) {
    const handle = await recover(stateDir, table)
    if (handle && (await inspectWorkload(handle, table)).phase === 'running') handles.push(handle)
  }
  return handles
}

async function findStateDirs(folder: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []) // gone or unreadable: no records there
  if (entries.some((e) => e.name === 'pid' && e.isFile())) return [folder]
  if (depth === 0) return []
  const below = entries.filter((e) => e.isDirectory()).map((e) => join(folder, e.name))
  return (await Promise.all(below.map((f) => findStateDirs(f, depth - 1)))).flat()
}
