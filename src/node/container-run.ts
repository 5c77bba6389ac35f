/**
 * One container of one pod over all of its attempts. Its record is on disk before and after each step, so an agent
 * that is killed anywhere finds the same attempt again:
 *
 *   record: intent(attempt N) ──▶ runtime.start ──▶ record: handle ──▶ … ends … ──▶ record: exit
 *           killed here: `recover` tells whether the program was started; if not, the same attempt is started
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Handle, WorkloadSpec } from '../runtime/runtime.ts'
import { RuntimeError } from '../runtime/runtime.ts'
import type { ContainerState, ContainerStateWaiting } from '../api/schema/types.gen.ts'
import type { NodeContext } from './context.ts'
import { removeOldAttempts } from './log-files.ts'
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
import { raiseBackoff } from './restart-backoff.ts'
import { timeOf } from './times.ts'
import { isErrno } from './write-file.ts'

export interface ContainerRun extends AsyncDisposable {
  readonly name: string
  readonly record: ContainerRecord
  readonly phase: 'none' | 'running' | 'exited'
  /** The running attempt's handle. */
  readonly handle: Handle | undefined
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
export interface ContainerLaunch
  extends Pick<WorkloadSpec, 'argv' | 'cwd' | 'env' | 'address' | 'node' | 'resources' | 'options'> {
  readonly imageID: string
}

export interface ContainerRunOptions {
  readonly context: NodeContext
  readonly paths: PodPaths
  readonly podUid: string
  readonly name: string
  /** Called when the container has ended, after its record says so. */
  readonly onExit: () => void
}

const recordRetryMs = 2_000 // a full disk may have room again
/** Upstream's FallbackToLogsOnError takes 2 KiB or 80 lines; ten say as much on a status page. */
const tail = { linesMax: 10, bytesMax: 2_048 }

export async function openContainerRun(options: ContainerRunOptions): Promise<ContainerRun> {
  const { context, paths, name } = options
  const { runtime, clock, logger } = context
  const stop = new AbortController()
  const listeners = new Set<() => void>()
  let record = await readContainerRecord(paths, name)
  let follower: LogFollower | undefined
  let watching: Promise<void> = Promise.resolve()

  const save = async (next: ContainerRecord) => {
    await writeContainerRecord(paths, name, next)
    record = next
  }
  const saveCurrent = (change: Partial<AttemptRecord>) => {
    const { current } = record
    return current ? save({ ...record, current: { ...current, ...change } }) : Promise.resolve()
  }
  const finish = async (attempt: number, exit: Omit<AttemptExit, 'message'>) => {
    await follower?.drain({ isEnd: true })
    const message = exit.code === 0 ? '' : await tailOutput({ logDir: paths.log(name), attempt }, tail)
    await saveCurrent({ exit: { ...exit, ...(message !== '' && { message }) } })
    await follower?.[Symbol.asyncDispose]()
    follower = undefined
    for (const listener of listeners) listener()
    options.onExit()
  }
  const watchEnd = async (attempt: AttemptRecord, handle: Handle) => {
    while (!stop.signal.aborted) {
      try {
        return await finish(attempt.attempt, describeExit(await runtime.wait(handle, stop.signal)))
      } catch (error) {
        if (stop.signal.aborted) return
        if (isErrno(error, 'ENOSPC')) context.onDiskFull()
        logger.error('the end of a container could not be recorded, trying again', { error, container: name })
        await clock.sleep(recordRetryMs, stop.signal).catch(() => {}) // aborted: the loop ends
      }
    }
  }
  const follow = async (attempt: AttemptRecord, handle: Handle) => {
    follower = await openFollower(options, attempt.attempt)
    follower.onGrowth(() => {
      for (const listener of listeners) listener()
    })
    watching = watchEnd(attempt, handle)
  }
  const adopt = async () => {
    const { current } = record
    if (!current || current.exit) return
    const handle = current.handle ?? (await runtime.recover(stateDirOf(options, current.attempt)))
    if (!handle) return // the intent was never carried out: `start` takes it up
    if (!current.handle) await saveCurrent({ handle })
    await follow(current, handle)
    // One that ended meanwhile must not look as if it ran.
    if ((await runtime.inspect(handle)).phase !== 'running') await watching
  }
  await adopt()

  return {
    name,
    get record() {
      return record
    },
    get phase() {
      if (!record.current?.handle && !record.current?.exit) return 'none'
      return record.current.exit ? 'exited' : 'running'
    },
    get handle() {
      return record.current?.exit ? undefined : record.current?.handle
    },
    async start(launch) {
      await save(intend(record, { uid: options.podUid, name, now: clock.now(), imageID: launch.imageID }))
      const { current } = record
      if (!current) return
      const stateDir = stateDirOf(options, current.attempt)
      const rawDir = rawDirOf(options, current.attempt)
      await mkdir(stateDir, { recursive: true, mode: 0o711 })
      await mkdir(rawDir, { recursive: true, mode: 0o711 })
      const { imageID: _imageID, ...program } = launch
      try {
        const files = { stdoutPath: join(rawDir, 'stdout'), stderrPath: join(rawDir, 'stderr') }
        const handle = await startOnce(context, { id: current.id, ...program, ...files, stateDir })
        await saveCurrent({ handle })
        await follow(current, handle)
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error
        const finishedAt = timeOf(clock.now())
        await saveCurrent({ exit: { code: 128, signal: 0, reason: 'StartError', finishedAt, message: error.message } })
        throw error
      } finally {
        await removeOld(options, record)
      }
    },
    async stop(how) {
      const handle = record.current?.exit ? undefined : record.current?.handle
      if (!handle) return
      await runtime.stop(handle, how)
      await watching
    },
    state: (waiting) => stateOf(record, waiting),
    log(which) {
      const attempt = which === 'current' ? record.current : record.previous
      if (!attempt) return undefined
      return {
        logDir: paths.log(name),
        attempt: attempt.attempt,
        isEnded: () => record.current?.attempt !== attempt.attempt || record.current.exit !== undefined,
        onChange(fn) {
          listeners.add(fn)
          return () => void listeners.delete(fn)
        },
      }
    },
    containerID: () => record.current && `${runtime.name}://${record.current.id}`,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent lets go of the container'))
      await watching
      await follower?.[Symbol.asyncDispose]()
    },
  }
}

/** The record of the decision to start: the next attempt, unless one is intended already. */
function intend(
  record: ContainerRecord,
  { uid, name, now, imageID }: { readonly uid: string; readonly name: string; readonly now: Date; readonly imageID: string },
): ContainerRecord {
  const { current, previous, backoff } = record
  if (current && !current.handle && !current.exit) return { ...record, imageID }
  const attempt = record.attempts + 1
  const next = { attempt, id: `${uid}_${name}_${attempt}`, startedAt: timeOf(now) }
  const before = current ?? previous
  return {
    attempts: attempt,
    restartCount: record.restartCount + (current ? 1 : 0),
    imageID,
    current: next,
    ...(before && { previous: before }),
    ...(current && { backoff: raiseBackoff(backoff, now.getTime()) }),
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

function stateOf(record: ContainerRecord, waiting: ContainerStateWaiting | undefined) {
  const { current, previous } = record
  const terminated = (attempt: AttemptRecord | undefined): ContainerState =>
    attempt?.exit
      ? {
          terminated: {
            exitCode: attempt.exit.code,
            ...(attempt.exit.signal > 0 && { signal: attempt.exit.signal }),
            reason: attempt.exit.reason,
            ...(attempt.exit.message !== undefined && { message: attempt.exit.message }),
            startedAt: timeOf(new Date(attempt.handle?.startedAt ?? attempt.startedAt)),
            finishedAt: timeOf(new Date(attempt.exit.finishedAt)),
            containerID: `${attempt.handle?.runtime ?? 'process'}://${attempt.id}`,
          },
        }
      : {}
  if (current?.exit) {
    if (waiting) return { state: { waiting }, lastState: terminated(current) }
    return { state: terminated(current), lastState: terminated(previous) }
  }
  if (current?.handle)
    return { state: { running: { startedAt: timeOf(new Date(current.handle.startedAt)) } }, lastState: terminated(previous) }
  return { state: { waiting: waiting ?? { reason: 'ContainerCreating' } }, lastState: terminated(previous) }
}

const describeExit = (exit: { code: number; signal: number; reason: string; finishedAt: string }) =>
  exit.reason === 'Lost' ? { ...exit, reason: 'ContainerStatusUnknown' } : exit

const stateDirOf = ({ paths, name }: ContainerRunOptions, attempt: number) => paths.attempt(name, attempt)
const rawDirOf = ({ paths, name }: ContainerRunOptions, attempt: number) => paths.raw(name, attempt)

function openFollower(options: ContainerRunOptions, attempt: number): Promise<LogFollower> {
  const { context, paths, name } = options
  const { clock, logger, logLimits: limits, onDiskFull } = context
  return openLogFollower({
    attemptDir: rawDirOf(options, attempt),
    logDir: paths.log(name),
    attempt,
    limits,
    clock,
    logger,
    onDiskFull,
  })
}

/** Of ended attempts, only the latest is kept. */
async function removeOld({ paths, name }: ContainerRunOptions, { current, previous }: ContainerRecord): Promise<void> {
  const keep = [current?.attempt, previous?.attempt].filter((attempt) => attempt !== undefined)
  await removeOldAttempts(paths.log(name), keep)
  for (const folder of [paths.container(name), join(paths.root, 'raw', name)]) {
    const entries = await readdir(folder).catch(() => []) // nothing there yet
    for (const entry of entries)
      if (/^\d+$/.test(entry) && !keep.includes(Number(entry))) await rm(join(folder, entry), { recursive: true, force: true })
  }
}
