/**
 * How containers end: the preStop hook, the signal, patience, SIGKILL. A pod's containers end together; then its sidecars,
 * one by one, the last one first; all of that within one grace period.
 */
import { describeError } from '../base/logger.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { probeTarget } from './container-inside.ts'
import type { ContainerSlot, Stopping } from './container-slot.ts'
import { runHook } from './lifecycle-hooks.ts'
import { isSidecar } from './pod-plan.ts'
import { recorderOf, type PodState } from './pod-state.ts'

const graceSecondsDefault = 30
const stopRetryMs = 1_000
/** What a program gets between its signal and its end though the grace period is over: upstream's figure. */
const graceMsMin = 2_000

export const graceSecondsOf = ({ spec }: Pod): number =>
  spec.terminationGracePeriodSeconds ?? graceSecondsDefault
export const graceMsOf = ({ record }: PodState): number =>
  (record.ended?.graceSeconds ?? graceSecondsOf(record.pod)) * 1000

/** Stops everything that runs, within `graceMs`. Answers whether nothing runs and nothing is about to. */
export function stopAll(state: PodState, graceMs: number): boolean {
  state.starts.abort(new Error('the pod is ending'))
  const untilMs = state.context.clock.monotonicMs() + graceMs
  state.endMs = Math.min(state.endMs ?? Infinity, untilMs)
  const live = [...state.slots.values()].filter(
    ({ run, starting }) => run.phase === 'running' || starting !== undefined,
  )
  const others = live.filter(({ container }) => !isSidecarIn(state, container.name))
  for (const slot of others.length > 0 ? others : live.slice(-1)) {
    if (slot.starting) continue // wakes the worker when it has given up
    endSlot(state, slot, { graceMs, untilMs: state.endMs })
  }
  return live.length === 0
}

const isSidecarIn = ({ record }: PodState, name: string): boolean =>
  record.pod.spec.initContainers?.some((container) => container.name === name && isSidecar(container)) ??
  false

/** Stops one container for good. */
export function endSlot(state: PodState, slot: ContainerSlot, patience: Partial<Patience> = {}): void {
  if (slot.run.phase !== 'running' || slot.starting) return
  if (!slot.stopping)
    recorderOf(state, slot.container)('Normal', 'Killing', `Stopping container ${slot.container.name}`)
  stopSlot(state, slot, { graceMs: graceMsOf(state), ...patience })
}

interface Patience {
  readonly graceMs: number
  /** When the grace is over, if it began before. */
  readonly untilMs?: number
}

/** A second call with less patience cuts the first one short. */
export function stopSlot(state: PodState, slot: ContainerSlot, { graceMs, untilMs }: Patience): void {
  const { context, wake } = state
  const before = slot.stopping
  const stopping: Stopping = {
    untilMs: untilMs ?? context.clock.monotonicMs() + graceMs,
    floorMs: Math.min(graceMs, graceMsMin),
    hurry: new AbortController(),
  }
  if (before && before.untilMs <= stopping.untilMs) return
  before?.hurry.abort(new Error('less time is left'))
  slot.stopping = stopping
  stop(state, slot, { stopping, skipsHook: before !== undefined })
    .catch((error: unknown) => {
      context.logger.error('a container could not be stopped, trying again', { error })
      return context.clock.sleep(stopRetryMs, state.stop)
    })
    .catch(() => {}) // the agent ends: the next one goes on
    .finally(() => {
      if (slot.stopping === stopping) delete slot.stopping
      wake()
    })
}

async function stop(
  state: PodState,
  slot: ContainerSlot,
  { stopping, skipsHook }: { readonly stopping: Stopping; readonly skipsHook: boolean },
): Promise<void> {
  const { container, run } = slot
  const leftMs = () =>
    Math.max(stopping.floorMs, Math.ceil(stopping.untilMs - state.context.clock.monotonicMs()))
  if (!skipsHook) await preStop(state, slot, { stopping, limitMs: leftMs() })
  if (stopping.hurry.signal.aborted || state.stop.aborted) return
  await run.stop({ signal: container.lifecycle?.stopSignal ?? 'SIGTERM', graceMs: leftMs() })
}

/** The container ends, however its hook ends. */
async function preStop(
  state: PodState,
  slot: ContainerSlot,
  { stopping, limitMs }: { readonly stopping: Stopping; readonly limitMs: number },
): Promise<void> {
  const hook = slot.container.lifecycle?.preStop
  const { handle } = slot.run
  if (!hook || !handle || limitMs === 0) return
  const signal = AbortSignal.any([stopping.hurry.signal, state.stop])
  try {
    await runHook(hook, probeTarget(state, slot, handle), { limitMs, signal })
  } catch (error) {
    if (signal.aborted) return
    const message = `PreStopHook failed: ${describeError(error)}`
    recorderOf(state, slot.container)('Warning', 'FailedPreStopHook', message)
  }
}
