/**
 * One container of one pod over all of its attempts. Its record is on disk before and after each step, so an agent
 * that is killed anywhere finds the same attempt again:
 *
 *   record: intent(attempt N) ──▶ runtime.start ──▶ record: handle ──▶ … ends … ──▶ record: exit
 *           killed here: `recover` tells whether the program was started; if not, the same attempt is started
 */
import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Expectation, Handle, WorkloadSpec } from '../runtime/runtime.ts'
import { RuntimeError } from '../runtime/runtime.ts'
import type { ContainerState, ContainerStateWaiting } from '../api/schema/types.gen.ts'
import { attemptId, intend, intendedAttempt, nextAttempt, stateOf } from './attempts.ts'
import { crashOf, crashTail } from './crash-report.ts'
import type { NodeContext } from './context.ts'
import { openLogFollower, type LogFollower } from './log-follower.ts'
import { tailOutput, type LogSource } from './log-reader.ts'
import {
  readContainerRecord,
  writeContainerRecord,
  type AttemptExit,
  type AttemptRecord,
  type ContainerRecord,
  type PodPaths,
} from './pod-records.ts'
import { removeTree } from './remove-tree.ts'
import { leaseExpired } from './run-once.ts'
import { readTerminationMessage } from './termination-message.ts'
import { timeOf } from './times.ts'
import { isErrno } from './write-file.ts'

export interface ContainerRun extends AsyncDisposable {
  readonly name: string
  readonly record: ContainerRecord
  readonly phase: 'none' | 'running' | 'exited'
  /** The running attempt's handle. */
  readonly handle: Handle | undefined
  /** `start` follows soon, with these: see `Runtime.expectStart`. */
  expectStart(resources: Required<WorkloadSpec>['resources']): Expectation | undefined
  /** Starts the next attempt, or the one that was intended when the agent died. */
  start(launch: ContainerLaunch): Promise<void>
  /** Resolves when no process is left. */
  stop(how: { readonly signal: string; readonly graceMs: number }): Promise<void>
  state(waiting: ContainerStateWaiting | undefined): { state: ContainerState; lastState: ContainerState }
  /** The log of the current attempt, or of the one before. */
  log(which: 'current' | 'previous'): LogSource | undefined
  containerID(): string | undefined
}

/** What to run, as far as it doesn't follow from the container's place. */
export interface ContainerLaunch extends Pick<
  WorkloadSpec,
  | 'argv'
  | 'cwd'
  | 'env'
  | 'address'
  | 'node'
  | 'stdin'
  | 'resources'
  | 'sandbox'
  | 'permission'
  | 'lease'
  | 'options'
> {
  readonly imageID: string
  /** Paths that must stay while it runs. */
  readonly packages: readonly string[]
}

export interface ContainerRunOptions {
  readonly context: NodeContext
  readonly paths: PodPaths
  readonly podUid: string
  readonly name: string
  /** Called when the container has ended, after its record says so. With why, if its Node.js said so or its lease was over. */
  readonly onExit: (why: ExitEvent | undefined) => void
}

export interface ExitEvent {
  readonly reason: string
  readonly message: string
}

const folderMode = 0o711 // the pod's own user passes through
const recordRetryMs = 2_000 // a full disk may have room again
/** Upstream's FallbackToLogsOnError takes 2 KiB or 80 lines; ten say as much on a status page. */
const tail = { linesMax: 10, bytesMax: 2_048 }

/** What its functions share. `record` is always what is on disk. */
interface RunState {
  readonly options: ContainerRunOptions
  readonly stop: AbortController
  /** Readers of its logs. */
  readonly listeners: Set<() => void>
  record: ContainerRecord
  follower?: LogFollower
  /** Settles when the running attempt's end is recorded. */
  watching: Promise<void>
}

export async function openContainerRun(options: ContainerRunOptions): Promise<ContainerRun> {
  const { context, paths, name } = options
  const state: RunState = {
    options,
    stop: new AbortController(),
    listeners: new Set(),
    record: await readContainerRecord(paths, name),
    watching: Promise.resolve(),
  }
  await adopt(state)
  return {
    name,
    get record() {
      return state.record
    },
    get phase() {
      const { current } = state.record
      return current?.exit ? 'exited' : current?.handle ? 'running' : 'none'
    },
    get handle() {
      return state.record.current?.exit ? undefined : state.record.current?.handle
    },
    expectStart: (resources) => expectAttempt(state, resources),
    start: (launch) => startAttempt(state, launch),
    async stop(how) {
      const { current } = state.record
      if (!current?.handle || current.exit) return
      await context.runtime.stop(current.handle, how)
      await state.watching
    },
    state: (waiting) => stateOf(state.record, waiting),
    log: (which) => logSourceOf(state, which),
    containerID: () => state.record.current && `${context.runtime.name}://${state.record.current.id}`,
    async [Symbol.asyncDispose]() {
      state.stop.abort(new Error('the agent lets go of the container'))
      await state.watching
      await state.follower?.[Symbol.asyncDispose]()
    },
  }
}

function expectAttempt(
  { options: { context, paths, podUid, name }, record }: RunState,
  resources: Required<WorkloadSpec>['resources'],
): Expectation | undefined {
  // It may run already: what is there is not touched before `start` has looked.
  if (intendedAttempt(record)) return undefined
  const attempt = nextAttempt(record)
  const stateDir = paths.attempt(name, attempt)
  mkdirSync(stateDir, { recursive: true, mode: folderMode })
  const id = attemptId(podUid, name, attempt)
  return context.runtime.expectStart?.({ id, stateDir, resources })
}

async function startAttempt(
  state: RunState,
  { imageID, packages, ...program }: ContainerLaunch,
): Promise<void> {
  const { context, paths, podUid: uid, name } = state.options
  const { clock } = context
  await save(state, intend(state.record, { uid, name, now: clock.now(), imageID, packages }))
  const { current } = state.record
  if (!current) return
  const stateDir = paths.attempt(name, current.attempt)
  const rawDir = paths.raw(name, current.attempt)
  for (const folder of [stateDir, rawDir]) mkdirSync(folder, { recursive: true, mode: folderMode })
  const files = { stdoutPath: join(rawDir, 'stdout'), stderrPath: join(rawDir, 'stderr') }
  try {
    const handle = await startOnce(context, { id: current.id, ...program, ...files, stateDir })
    await saveCurrent(state, { handle })
    await follow(state, current, handle)
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    const finishedAt = timeOf(clock.now())
    const exit = { code: 128, signal: 0, reason: 'StartError', finishedAt, message: error.message }
    await saveCurrent(state, { exit })
    throw error
  } finally {
    if (current.attempt > 1) await removeOld(state.options, state.record)
  }
}

/** Takes up what an earlier agent began. */
async function adopt(state: RunState): Promise<void> {
  const { context, paths, name } = state.options
  const { current } = state.record
  if (!current || current.exit) return
  const handle = current.handle ?? (await context.runtime.recover(paths.attempt(name, current.attempt)))
  if (!handle) return // the intent was never carried out: `start` takes it up
  if (!current.handle) await saveCurrent(state, { handle })
  await follow(state, current, handle)
  // One that ended meanwhile must not look as if it ran.
  if ((await context.runtime.inspect(handle)).phase !== 'running') await state.watching
}

async function follow(state: RunState, attempt: AttemptRecord, handle: Handle): Promise<void> {
  state.follower = await openFollower(state.options, attempt.attempt)
  state.follower.onGrowth(() => {
    for (const listener of state.listeners) listener()
  })
  state.watching = watchEnd(state, attempt, handle)
}

/** Waits for the end of an attempt and records it, however often the disk refuses. */
async function watchEnd(state: RunState, attempt: AttemptRecord, handle: Handle): Promise<void> {
  const { context, name } = state.options
  const { signal } = state.stop
  while (!signal.aborted) {
    try {
      const exit = await context.runtime.wait(handle, signal)
      const reason = exit.reason === 'Lost' ? 'ContainerStatusUnknown' : exit.reason
      return await finish(state, attempt.attempt, { ...exit, reason })
    } catch (error) {
      if (signal.aborted) return
      if (isErrno(error, 'ENOSPC')) context.onDiskFull()
      context.logger.error('the end of a container could not be recorded, trying again', {
        error,
        container: name,
      })
      await context.clock.sleep(recordRetryMs, signal).catch(() => {}) // aborted: the loop ends
    }
  }
}

async function finish(state: RunState, attempt: number, exit: Omit<AttemptExit, 'message'>): Promise<void> {
  const { context, paths, name, onExit } = state.options
  await state.follower?.drain({ isEnd: true })
  const source = { logDir: paths.log(name), attempt }
  const message =
    (await readTerminationMessage(paths.raw(name, attempt))) ||
    (exit.code === 0 ? '' : await tailOutput(source, tail))
  const why =
    exit.reason === 'LeaseExpired'
      ? leaseExpired(name, context.runOnceLease.timing)
      : exit.code === 0
        ? undefined
        : crashOf(await tailOutput(source, crashTail))
  await saveCurrent(state, { exit: { ...exit, ...(message !== '' && { message }) } })
  await state.follower?.[Symbol.asyncDispose]()
  delete state.follower
  for (const listener of state.listeners) listener()
  onExit(why)
}

async function save(state: RunState, next: ContainerRecord): Promise<void> {
  await writeContainerRecord(state.options.paths, state.options.name, next)
  state.record = next
}

async function saveCurrent(state: RunState, change: Partial<AttemptRecord>): Promise<void> {
  const { current } = state.record
  if (current) await save(state, { ...state.record, current: { ...current, ...change } })
}

function logSourceOf(state: RunState, which: 'current' | 'previous'): LogSource | undefined {
  const { paths, name } = state.options
  const attempt = state.record[which]?.attempt
  if (attempt === undefined) return undefined
  return {
    logDir: paths.log(name),
    attempt,
    isEnded: () => state.record.current?.attempt !== attempt || state.record.current.exit !== undefined,
    onChange(fn) {
      state.listeners.add(fn)
      return () => void state.listeners.delete(fn)
    },
  }
}

/** Starting what was started before is not an error: the agent died between the start and its record. */
async function startOnce({ runtime }: NodeContext, spec: WorkloadSpec): Promise<Handle> {
  try {
    return await runtime.start(spec)
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 'exists') throw error
    const handle = await runtime.recover(spec.stateDir)
    if (!handle) throw error
    return handle
  }
}

function openFollower(options: ContainerRunOptions, attempt: number): Promise<LogFollower> {
  const { context, paths, name } = options
  const { clock, logger, logLimits: limits, onDiskFull } = context
  return openLogFollower({
    rawDir: paths.raw(name, attempt),
    logDir: paths.log(name),
    attempt,
    limits,
    clock,
    logger,
    onDiskFull,
  })
}

/** Of ended attempts, only the latest is kept; of their logs, what `log-keeper.ts` leaves. */
async function removeOld(
  { paths, name }: ContainerRunOptions,
  { current, previous }: ContainerRecord,
): Promise<void> {
  const keep = [current?.attempt, previous?.attempt].filter((attempt) => attempt !== undefined)
  for (const kind of ['containers', 'raw', 'tmp', 'mounts']) {
    const folder = join(paths.root, kind, name)
    const entries = await readdir(folder).catch(() => []) // nothing there yet
    for (const entry of entries)
      if (/^\d+$/.test(entry) && !keep.includes(Number(entry))) await removeTree(join(folder, entry))
  }
}
