/**
 * A container in the hands of its pod's worker: its run, its probes, and why it waits. Starting takes a while (an
 * install, an API server that doesn't answer), so it goes on beside the worker and wakes it when it is done.
 */
import { backoffMs } from '../base/backoff.ts'
import { describeError } from '../base/logger.ts'
import type { Container, ContainerStateWaiting } from '../api/schema/types.gen.ts'
import { isStatusError } from '../api/status.ts'
import { TransportError } from '../client/client.ts'
import { RuntimeError } from '../runtime/runtime.ts'
import type { ContainerProbes } from './container-probes.ts'
import type { ContainerRun } from './container-run.ts'
import type { NodeContext } from './context.ts'
import { ContainerConfigError } from './env.ts'
import { ImagePullError } from './image.ts'
import type { ContainerFacts } from './pod-plan.ts'
import type { ContainerView } from './pod-status.ts'
import { NoLeaseError } from './run-once.ts'
import { pullFailed, pullWaiting, type PullFailure } from './pull-backoff.ts'
import { VolumeError } from './volumes.ts'
import { isErrno } from './write-file.ts'

export interface ContainerSlot {
  readonly container: Container
  readonly run: ContainerRun
  probes?: ContainerProbes
  /** The attempt that `probes` are for. */
  probedAttempt?: number
  /** An adopted attempt, and whether the API knew it as ready. */
  adopted?: { readonly attempt: number; readonly ready: boolean }
  waiting?: ContainerStateWaiting
  starting?: Promise<void>
  stopping?: Stopping
  failures: number
  retryAtMs: number
  pull?: PullFailure
  /** When `waiting` turns from ErrImagePull into ImagePullBackOff. */
  turnAtMs?: number
}

/** A stop under way. */
export interface Stopping {
  /** When its grace is over, by the monotonic clock. */
  readonly untilMs: number
  /** What the program gets after its signal in any case. */
  readonly floorMs: number
  /** Aborts when a stop with less patience takes its place. */
  readonly hurry: AbortController
}

export type Recorder = (type: 'Normal' | 'Warning', reason: string, message: string) => void

const configRetry = { baseMs: 500, factor: 2, capMs: 5_000 } // a missing ConfigMap is seen within seconds of its creation
const errorRetry = { baseMs: 10_000, factor: 2, capMs: 300_000 } // nobody's change but the pod's own cures it
const turnMs = 1_500 // how long ErrImagePull shows, about as upstream's next sync

const reasons = { name: 'InspectFailed', pull: 'Failed', untrusted: 'UntrustedPackage' } as const

/** Takes note of why a start failed: what the status says, an event, and when it is tried again. */
export function noteFailure(
  slot: ContainerSlot,
  error: unknown,
  context: NodeContext,
  record: Recorder,
): void {
  const nowMs = context.clock.monotonicMs()
  const message = describeError(error)
  const retry = (waiting: ContainerStateWaiting | undefined, how: typeof configRetry) => {
    if (waiting) slot.waiting = waiting
    slot.retryAtMs = nowMs + backoffMs(slot.failures++, how)
  }
  if (error instanceof ImagePullError) {
    slot.pull = pullFailed(slot.pull, { message: error.message, fault: error.fault, nowMs })
    slot.retryAtMs = slot.pull.retryAtMs
    slot.turnAtMs = nowMs + turnMs
    slot.waiting = pullWaiting(slot.pull, slot.container.image ?? '').first
    if (error.fault === 'never') record('Warning', 'ErrImageNeverPull', error.message)
    else {
      const reason = reasons[error.fault]
      record('Warning', reason, `Failed to pull image "${slot.container.image}": ${error.message}`)
    }
    record('Warning', 'Failed', `Error: ${slot.waiting.reason}`)
  } else if (error instanceof ContainerConfigError) {
    retry({ reason: 'CreateContainerConfigError', message: error.message }, configRetry)
    record('Warning', 'Failed', `Error: ${error.message}`)
  } else if (error instanceof NoLeaseError) {
    if (slot.waiting?.reason !== 'NoLease') record('Warning', 'NoLease', message)
    retry({ reason: 'NoLease', message }, configRetry)
  } else if (error instanceof VolumeError) {
    retry({ reason: 'ContainerCreating' }, configRetry)
    record('Warning', 'FailedMount', error.message)
  } else if (error instanceof RuntimeError) {
    // The record has it as an attempt that ended with 128: the restart policy and its back-off take over.
    record('Warning', 'Failed', `Error: ${error.message}`)
  } else if (error instanceof TransportError || isStatusError(error)) {
    retry(undefined, configRetry)
    context.logger.debug('a container waits for the API server', { container: slot.container.name, error })
  } else {
    if (isErrno(error, 'ENOSPC')) context.onDiskFull()
    retry({ reason: 'CreateContainerError', message }, errorRetry)
    record('Warning', 'Failed', `Error: ${message}`)
  }
}

/** Turns ErrImagePull into ImagePullBackOff when its time has come. */
export function turnWaiting(slot: ContainerSlot, nowMs: number, record: Recorder): void {
  if (!slot.pull || slot.turnAtMs === undefined || slot.turnAtMs > nowMs) return
  delete slot.turnAtMs
  slot.waiting = pullWaiting(slot.pull, slot.container.image ?? '').later
  if (slot.pull.fault === 'never') return
  record('Normal', 'BackOff', `Back-off pulling image "${slot.container.image}"`)
  record('Warning', 'Failed', `Error: ${slot.waiting.reason}`)
}

export function noteSuccess(slot: ContainerSlot): void {
  slot.failures = 0
  slot.retryAtMs = 0
  delete slot.waiting
  delete slot.pull
  delete slot.turnAtMs
}

/** Its hook and its startup probe are through. */
const isStarted = ({ run, probes, starting }: ContainerSlot): boolean =>
  run.phase === 'running' && !starting && (probes?.isStarted ?? true)

export function factsOf(slot: ContainerSlot): ContainerFacts {
  const { run, probes } = slot
  const { exit } = run.record.current ?? {}
  const { backoff } = run.record
  const failedProbe = run.phase === 'running' ? probes?.failed : undefined
  return {
    phase: run.phase,
    isStarted: isStarted(slot),
    ...(exit && { exitCode: exit.code, finishedAtMs: Date.parse(exit.finishedAt) }),
    ...(backoff && { backoff }),
    ...(failedProbe && { failedProbe }),
  }
}

/** `isInit`: it runs to its end before others start. */
export function viewOf(slot: ContainerSlot, isInit: boolean): ContainerView {
  const { run, probes, waiting } = slot
  const { state, lastState } = run.state(waiting)
  const { restartCount, imageID } = run.record
  const containerID = run.containerID()
  const isThrough = isInit && run.record.current?.exit?.code === 0
  return {
    name: run.name,
    state,
    lastState,
    restartCount,
    started: isStarted(slot),
    ready: isThrough || (!isInit && isStarted(slot) && (probes?.isReady ?? true)),
    ...(imageID !== undefined && { imageID }),
    ...(containerID !== undefined && { containerID }),
  }
}
