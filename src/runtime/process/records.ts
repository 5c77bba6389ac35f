import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Exit, Handle, Permission, Sandbox, WorkloadSpec } from '../runtime.ts'
import { isMissing, readIfThere, recordFile } from './record-files.ts'
import { countOomKills, groupFolders } from './cgroup.ts'
import { isFenced } from './fence.ts'
import { parseStat, type ProcessStat } from './proc.ts'

/**
 * What lies in a stateDir, in the order of its making:
 *
 *   spec.json     the intent, by the agent, before a process exists. No environment: that may hold secrets
 *   preload.cjs   the workload's own copy, so that an upgrade of Sampan cannot take it away
 *   stdin, stdin-end   named pipes, where the program wants a stdin
 *   cgroups       the folders of its control group, one on each line; `cgroup.ts`
 *   seccomp       the filter of system calls, where the program is sandboxed
 *   pid           the parent's line of /proc/self/stat, created exclusively by the parent: who creates it may start the program
 *   holder        that of the shell that keeps the stdin open
 *   lease         the file with the lease's end, and how many seconds before it the program is warned; `fence.ts`
 *   fence         the line of the shell that watches it
 *   fenced        it has warned or ended the program, by the fence; or the lease was renewed after that
 *   child         the program's line of /proc/self/stat, written just before it becomes the program
 *   exit          the exit status as the shell says it, by the parent; by `stop` when the parent was killed too
 *   oom           the kernel has ended a process of it for want of memory; written when its control group is removed
 *
 * A file without its newline is one that is not yet, or never was, written.
 */
export interface SpecRecord {
  readonly id: string
  readonly argv: readonly string[]
  readonly cwd: string
  readonly address: string
  readonly node: boolean
  readonly bootId: string
  readonly sandbox?: Sandbox
  readonly permission?: Permission
}

export const runtimeName = 'process'

export function writeSpec(spec: WorkloadSpec, bootId: string): SpecRecord {
  const { id, argv, cwd, address, node, sandbox, permission } = spec
  const record: SpecRecord = {
    id,
    argv,
    cwd,
    address,
    node,
    bootId,
    ...(sandbox && { sandbox }),
    ...(permission && { permission }),
  }
  replaceFile(recordFile(spec.stateDir, 'spec.json'), `${JSON.stringify(record)}\n`)
  return record
}

/** Undefined when there is none. */
export async function readSpec(stateDir: string): Promise<SpecRecord | undefined> {
  try {
    return JSON.parse(await readFile(recordFile(stateDir, 'spec.json'), 'utf8')) as SpecRecord
  } catch (e) {
    if (isMissing(e) || e instanceof SyntaxError) return undefined // cut by a power failure: it is of an earlier boot
    throw e
  }
}

/** The parent's, the holder's or the program's identity. 'cut' when the file is there without its content. */
export function readIdentity(
  stateDir: string,
  who: 'pid' | 'holder' | 'fence' | 'child',
): ProcessStat | 'cut' | undefined {
  const text = readIfThere(recordFile(stateDir, who))
  return text === undefined ? undefined : (text.endsWith('\n') && parseStat(text)) || 'cut'
}

export function handleOf(parent: ProcessStat, spec: SpecRecord, stateDir: string): Handle {
  return {
    id: spec.id,
    runtime: runtimeName,
    stateDir,
    bootId: spec.bootId,
    pid: parent.pid,
    startTicks: parent.startTicks,
    startedAt: modifiedAt(recordFile(stateDir, 'pid')) ?? modifiedAt(recordFile(stateDir, 'spec.json')) ?? '',
  }
}

export async function readExit(stateDir: string): Promise<Exit | undefined> {
  const path = recordFile(stateDir, 'exit')
  try {
    const text = await readFile(path, 'utf8')
    const line = /^(\d+)\n/.exec(text)
    return line ? exitOf(Number(line[1]), (await stat(path)).mtime, stateDir) : undefined
  } catch (e) {
    if (isMissing(e)) return undefined
    throw e
  }
}

/** Room for the exit status, taken while there is some: a disk that is full in the end must not cost it. Says nothing without its newline. */
export function reserveExit(stateDir: string): void {
  try {
    writeFileSync(recordFile(stateDir, 'exit'), ' '.repeat(exitBytes), { mode: 0o600, flag: 'wx' })
  } catch (e) {
    if (!(e instanceof Error && 'code' in e && e.code === 'EEXIST')) throw e
  }
}

const exitBytes = 8

export const writeExit = (stateDir: string, code: number): void =>
  replaceFile(recordFile(stateDir, 'exit'), `${code}\n`)

const signalMax = 64
const terminated = 143 // as by SIGTERM

/** Known from its control group, which is removed some time after its end. */
const hasRunOutOfMemory = (stateDir: string): boolean =>
  existsSync(recordFile(stateDir, 'oom')) || countOomKills(groupFolders(stateDir)) > 0

function exitOf(written: number, finishedAt: Date, stateDir: string): Exit {
  const isExpired = isFenced(stateDir)
  // A program that ends well because it is told to has not done all of its work.
  const code = isExpired && written === 0 ? terminated : written
  const signal = code > 128 && code <= 128 + signalMax ? code - 128 : 0
  return {
    code,
    signal,
    reason: isExpired ? 'LeaseExpired' : reasonOf(code, stateDir),
    finishedAt: finishedAt.toISOString(),
  }
}

const reasonOf = (code: number, stateDir: string): Exit['reason'] =>
  code === 0 ? 'Completed' : hasRunOutOfMemory(stateDir) ? 'OOMKilled' : 'Error'

/** Whole or not at all, also when this process dies half-way. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, text, { mode: 0o600 })
  renameSync(draft, path)
}

function modifiedAt(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtime.toISOString()
}
