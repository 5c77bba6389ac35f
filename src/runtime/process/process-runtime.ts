import { constants, mkdirSync } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { release } from 'node:os'
import { isAbsolute, join, resolve, sep } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import {
  type Handle,
  type Probe,
  type Runtime,
  type Sandbox,
  RuntimeError,
  type Stats,
  type WorkloadSpec,
  type WorkloadState,
} from '../runtime.ts'
import { endGroup, groupFolders, groupProcesses, groupStats, removeUnused } from './cgroup.ts'
import type { CgroupTree } from './cgroup-plan.ts'
import { markOf, unpack } from './environment.ts'
import { execIn } from './exec.ts'
import { execStreamIn } from './exec-stream.ts'
import { findParent } from './find-parent.ts'
import { createGroupMaker, type GroupMaker } from './group-maker.ts'
import { isParentAlive, isSandboxed, programProcesses, stopWorkload, workloadProcesses } from './group.ts'
import { unlinkedBytes } from './unlinked-files.ts'
import type { Surroundings } from './join-group.ts'
import { prepareFiles, spawnParent } from './parent.ts'
import type { SandboxTools } from './sandbox/bubblewrap.ts'
import { problemOf, strangerAt } from './sandbox/system-places.ts'
import {
  readBootId,
  readChildren,
  readEnviron,
  readMounts,
  readOwnBytes,
  readWorkingDirectory,
  ticksPerSecond,
} from './proc.ts'
import { createProcessTable, type ProcessTable } from './process-table.ts'
import { findNodeProcesses, watchListening } from './insight.ts'
import { recordFile } from './record-files.ts'
import { handleOf, readExit, readIdentity, readSpec, runtimeName, writeSpec } from './records.ts'
import { endStdin, openStdin } from './stdin.ts'
import { waitForExit } from './wait.ts'

export interface ProcessRuntimeOptions {
  readonly clock: Clock
  /** Where workloads get control groups, from `findCgroups`; without it nothing bounds them. */
  readonly cgroups?: CgroupTree
  /** From `findSandbox`; without it a spec with a sandbox is refused. */
  readonly sandbox?: SandboxTools
}

/**
 * Runs workloads as ordinary processes of this user on Linux. Start reading at `parent.ts`: it holds the crash-safety
 * protocol; `records.ts` lists the files. Besides its own environment a workload sees SAMPAN_WORKLOAD (a mark
 * by which its processes are found), SAMPAN_POD_ADDRESS, and for Node.js programs NODE_OPTIONS with the preload.
 */
export function openProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  const { clock, cgroups, sandbox } = options
  const table = createProcessTable(clock)
  const groups = createGroupMaker(cgroups)
  const inspect = (handle: Handle) => inspectWorkload(handle, table)
  return {
    name: runtimeName,
    capabilities: {
      isolation: 'process',
      exec: true,
      memoryLimit: cgroups?.folders.memory !== undefined,
      cpuLimit: cgroups?.folders.cpu !== undefined,
      pidsLimit: cgroups?.folders.pids !== undefined,
      ioLimit: cgroups?.disk !== undefined,
      sandbox: sandbox !== undefined,
      permission: true,
    },
    probe,
    expectStart: (spec) => groups.expect(spec),
    start: (spec) => start(spec, groups, options),
    recover: (stateDir) => recover(stateDir, table),
    inspect,
    async wait(handle, signal) {
      const exit = await waitForExit(handle, signal, { clock, inspect })
      await endGroup(handle.stateDir, clock) // as a container ends with its first process
      return exit
    },
    stop: (handle, how) => stopWorkload(handle, how, { clock, table }),
    stats: (handle) => stats(handle, table),
    async unlinkedBytes(handle, folder) {
      const pids =
        groupProcesses(groupFolders(handle.stateDir)) ??
        workloadProcesses(handle, await table.recent()).map(({ pid }) => pid)
      return await unlinkedBytes(pids, folder)
    },
    async exec(handle, spec) {
      return await execIn(await surroundings(handle, table, options), spec, clock)
    },
    async execStream(handle, spec) {
      return await execStreamIn(await surroundings(handle, table, options), spec, clock)
    },
    async openStdin({ stateDir }) {
      return openStdin(stateDir)
    },
    async endStdin({ stateDir }) {
      endStdin(stateDir)
    },
    nodeProcesses: ({ stateDir }) => findNodeProcesses(stateDir),
    onListening: ({ stateDir }, ports, told) => watchListening(stateDir, ports, told),
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

async function start(
  spec: WorkloadSpec,
  groups: GroupMaker,
  { clock, sandbox }: ProcessRuntimeOptions,
): Promise<Handle> {
  if (spec.sandbox && !sandbox)
    throw new RuntimeError('start-failed', `cannot start ${spec.id}: there is no sandbox on this machine`)
  const problem = spec.sandbox && problemOf(spec.sandbox.binds)
  if (problem !== undefined)
    throw new RuntimeError('start-failed', `cannot start ${spec.argv[0]}: ${problem}`)
  if (!isOwnFile(spec)) await refuseUnrunnable(spec)
  mkdirSync(spec.stateDir, { recursive: true, mode: 0o700 })
  if (readIdentity(spec.stateDir, 'pid') !== undefined) {
    throw new RuntimeError('exists', `workload ${spec.id} was already started; find it with recover`)
  }
  const record = writeSpec(spec, readBootId())
  try {
    // To the end of both: what one still makes nobody would take away.
    const [made, prepared] = await Promise.allSettled([groups.make(spec), prepareFiles(spec, sandbox)])
    for (const part of [made, prepared]) if (part.status === 'rejected') throw part.reason
    await spawnParent(spec, clock, sandbox)
  } catch (error) {
    // Of another start of the same workload it is not ours to remove.
    if (!(error instanceof RuntimeError && error.code === 'exists')) await removeUnused(spec.stateDir)
    throw error
  }
  const parent = readIdentity(spec.stateDir, 'pid')
  if (typeof parent !== 'object') {
    throw new RuntimeError('start-failed', `the records of ${spec.id} in ${spec.stateDir} were removed`)
  }
  return handleOf(parent, record, spec.stateDir)
}

/** What a sandbox alone has can't be looked at from outside. */
const isOwnFile = ({ sandbox, argv: [program = ''] }: WorkloadSpec): boolean =>
  sandbox?.binds.some(({ path }) => program.startsWith(`${path}/`)) ?? false

/** A shell would report these only as exit code 126 or 127. */
async function refuseUnrunnable({ argv, cwd, id, sandbox }: WorkloadSpec): Promise<void> {
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
  if (sandbox) return
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
  const parent = await findParent(stateDir, table)
  return parent && handleOf(parent, spec, stateDir)
}

/** The two of bubblewrap: outside, and the first process inside. */
const sandboxHelpers = 2

async function stats(handle: Handle, table: ProcessTable): Promise<Stats> {
  const helpers = isSandboxed(handle) ? sandboxHelpers : 0
  const withoutHelpers = (pids: number) => Math.max(Math.min(1, pids), pids - helpers)
  const measured = groupStats(groupFolders(handle.stateDir))
  if (measured) return { ...measured, pids: withoutHelpers(measured.pids) }
  const processes = programProcesses(handle, await table.recent())
  return {
    cpuSeconds: processes.reduce((sum, p) => sum + p.cpuTicks, 0) / ticksPerSecond,
    memoryBytes: processes.reduce((sum, p) => sum + readOwnBytes(p.pid), 0),
    pids: withoutHelpers(processes.length),
  }
}

const surroundingsPollMs = 10
const surroundingsRoundsMax = 50

/**
 * From the program itself, once it is the program: between fork and exec it still has the shell's environment, and in
 * the middle of exec none. A program that has overwritten its own (some do, to change their title) leaves the parent's.
 */
async function surroundings(
  handle: Handle,
  table: ProcessTable,
  { clock, sandbox: tools }: ProcessRuntimeOptions,
): Promise<Surroundings> {
  const folders = groupFolders(handle.stateDir)
  for (let round = 0; ; round++) {
    const state = await inspectWorkload(handle, table)
    if (state.phase !== 'running') {
      throw new RuntimeError('not-found', `workload ${handle.id} does not run`)
    }
    const spec = await readSpec(handle.stateDir)
    const inside = spec?.sandbox && findInside(handle, { pid: state.pid, sandbox: spec.sandbox, tools })
    const cwd = inside ? '/' : (readWorkingDirectory(state.pid) ?? spec?.cwd ?? '/')
    if (spec?.permission) return { env: untouchedEnviron(handle), cwd, folders }
    const env = readEnviron(state.pid)
    if (env?.['SAMPAN_WORKLOAD'] === markOf(handle) && !env['SAMPAN_STATE_DIR'] && inside !== 'starting')
      return { env: unpack(env), cwd, folders, ...(inside && { inside }) }
    if (round >= surroundingsRoundsMax) {
      if (inside === 'starting') throw new RuntimeError('not-found', `workload ${handle.id} does not run yet`)
      return { env: parentEnviron(handle), cwd, folders, ...(inside && { inside }) }
    }
    await clock.sleep(surroundingsPollMs)
  }
}

/** What a program makes of its own must not become what a command beside it may do. */
function untouchedEnviron(handle: Handle): Readonly<Record<string, string>> {
  const env = parentEnviron(handle)
  if (isParentAlive(handle)) return env
  throw new RuntimeError('unsupported', `what ${handle.id} may do was known to its parent, which has ended`)
}

function parentEnviron({ pid }: Handle): Readonly<Record<string, string>> {
  const { SAMPAN_STATE_DIR: _, ...rest } = readEnviron(pid) ?? {}
  return unpack(rest)
}

interface Sandboxed {
  /** Of the bwrap outside. */
  readonly pid: number
  readonly sandbox: Sandbox
  readonly tools: SandboxTools | undefined
}

function findInside(
  { stateDir }: Handle,
  { pid, sandbox, tools }: Sandboxed,
): NonNullable<Surroundings['inside']> | 'starting' {
  if (!tools)
    throw new RuntimeError(
      'unsupported',
      'the workload is in a sandbox, and there is no way into one here any more',
    )
  // bwrap outside, bwrap inside (its first process), the program: once that is there, the root is complete.
  const init = readChildren(pid)[0]
  if (init === undefined || readChildren(init).length === 0) return 'starting'
  const stranger = strangerAt(readMounts(init), readMounts('self'))
  if (stranger !== undefined)
    throw new RuntimeError(
      'start-failed',
      `no command is run in the sandbox: ${stranger} in it is not the system's own, and the command would begin there with rights of the agent's. Delete the pod`,
    )
  return { pid: init, sandbox, tools, seccompFile: recordFile(stateDir, 'seccomp') }
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
