/** What a pod's worker does to its containers. Nothing here waits: what takes time goes on beside the worker and wakes it. */
import type { Container } from '../api/schema/types.gen.ts'
import type { ExecSpec, Handle } from '../runtime/runtime.ts'
import { createContainerProbes } from './container-probes.ts'
import { openContainerRun } from './container-run.ts'
import { noteFailure, noteSuccess, type ContainerSlot } from './container-slot.ts'
import { startContainer } from './container-start.ts'
import type { NodeContext } from './context.ts'
import { allContainers } from './downward-api.ts'
import { enterCommand } from './mounts.ts'
import type { ContainerAction } from './pod-plan.ts'
import { podIPOf, recorderOf, type PodState } from './pod-state.ts'
import type { ProbeKind } from './probe-state.ts'
import type { ProbeTarget } from './prober.ts'
import { goSeconds } from './restart-backoff.ts'

const graceSecondsDefault = 30
const stopRetryMs = 1_000

/** Finds what is on this machine of each container, and adopts what runs. */
export async function openSlots(state: PodState): Promise<void> {
  const { context, paths, uid, slots, wake, record } = state
  for (const container of allContainers(record.pod)) {
    const { name } = container
    if (slots.has(name)) continue
    const run = await openContainerRun({ context, paths, podUid: uid, name, onExit: wake })
    const { current } = run.record
    const before = record.pod.status?.containerStatuses?.find((status) => status.name === name)
    const ready = before?.ready === true && before.containerID === run.containerID()
    const isAdopted = current !== undefined && run.phase === 'running'
    slots.set(name, {
      container,
      run,
      failures: 0,
      retryAtMs: 0,
      ...(isAdopted && { adopted: { attempt: current.attempt, ready } }),
    })
  }
}

export function act(state: PodState, action: ContainerAction): void {
  const slot = state.slots.get(action.name)
  if (!slot) return
  switch (action.do) {
    case 'start':
      return beginStart(state, slot)
    case 'kill':
      return killForProbe(state, slot, action.probe)
    case 'wait':
      return noteCrashLoop(state, slot, action.delayMs)
  }
}

function beginStart(state: PodState, slot: ContainerSlot): void {
  const { context, record, paths, volumes, address, starts, wake } = state
  if (slot.starting || slot.stopping || starts.signal.aborted || slot.retryAtMs > context.clock.monotonicMs())
    return
  if (slot.waiting?.reason === 'CrashLoopBackOff') delete slot.waiting
  const { container, run } = slot
  const recordEvent = recorderOf(state, container)
  const started = startContainer({
    context,
    pod: record.pod,
    container,
    run,
    paths,
    volumes,
    podIP: podIPOf(state),
    address,
    record: recordEvent,
    signal: starts.signal,
  })
  slot.starting = started
    .then(
      () => noteSuccess(slot),
      (error: unknown) => {
        if (!starts.signal.aborted) noteFailure(slot, error, context, recordEvent)
      },
    )
    .finally(() => {
      delete slot.starting
      wake()
    })
}

function killForProbe(state: PodState, slot: ContainerSlot, kind: ProbeKind): void {
  if (slot.stopping) return
  const { container } = slot
  const seconds =
    container[`${kind}Probe`]?.terminationGracePeriodSeconds ??
    state.record.pod.spec.terminationGracePeriodSeconds ??
    graceSecondsDefault
  const message = `Container ${container.name} failed ${kind} probe, will be restarted`
  recorderOf(state, container)('Normal', 'Killing', message)
  stopSlot(state, slot, seconds * 1000)
}

function noteCrashLoop(state: PodState, slot: ContainerSlot, delayMs: number): void {
  const { name, namespace } = state.record.pod.metadata
  const subject = `restarting failed container ${slot.container.name} in pod ${name}_${namespace}(${state.uid})`
  if (slot.waiting?.reason !== 'CrashLoopBackOff')
    recorderOf(state, slot.container)('Warning', 'BackOff', `Back-off ${subject}`)
  slot.waiting = {
    reason: 'CrashLoopBackOff',
    message: `back-off ${goSeconds(delayMs)} restarting failed container=${slot.container.name} pod=${name}_${namespace}(${state.uid})`,
  }
}

/** Stops everything that runs, within `graceMs`. Answers whether nothing runs and nothing is about to. */
export function stopAll(state: PodState, graceMs: number): boolean {
  state.starts.abort(new Error('the pod is ending'))
  for (const slot of state.slots.values()) {
    if (slot.run.phase !== 'running' || slot.starting) continue
    if (!slot.stopping)
      recorderOf(state, slot.container)('Normal', 'Killing', `Stopping container ${slot.container.name}`)
    stopSlot(state, slot, graceMs)
  }
  return [...state.slots.values()].every(({ run, starting }) => run.phase !== 'running' && !starting)
}

export const graceMsOf = ({ record }: PodState): number =>
  (record.pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault) * 1000

/** A second call with less patience cuts the first one short. */
function stopSlot(state: PodState, slot: ContainerSlot, graceMs: number): void {
  const { context, wake } = state
  if (slot.stopping && slot.stopping.graceMs <= graceMs) return
  const stopping = { graceMs }
  slot.stopping = stopping
  slot.run
    .stop({ signal: slot.container.lifecycle?.stopSignal ?? 'SIGTERM', graceMs })
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

/** Asks the probes that are due. Answers in how many milliseconds the next one is. */
export function probeSlot(state: PodState, slot: ContainerSlot): number | undefined {
  const { handle, record } = slot.run
  const attempt = record.current?.attempt
  if (!handle || attempt === undefined || slot.stopping) return undefined
  const { clock } = state.context
  if (slot.probedAttempt !== attempt) {
    slot.probedAttempt = attempt
    const runningMs = Math.max(0, clock.now().getTime() - Date.parse(handle.startedAt))
    slot.probes = createContainerProbes({
      container: slot.container,
      target: probeTarget(state, slot, handle),
      startedMs: clock.monotonicMs() - runningMs,
      wasReady: slot.adopted?.attempt === attempt && slot.adopted.ready,
      onFailure(kind, message) {
        const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}`
        recorderOf(state, slot.container)('Warning', 'Unhealthy', `${name} probe failed: ${message}`)
      },
      onAnswer: state.wake,
    })
  }
  return slot.probes?.runDue(clock.monotonicMs())
}

function probeTarget(
  state: PodState,
  { container }: ContainerSlot,
  handle: ProbeTarget['handle'],
): ProbeTarget {
  const { context, address } = state
  const { runtime, clock } = context
  return {
    container,
    address,
    podIP: podIPOf(state) ?? address,
    handle,
    runtime,
    clock,
    enter: (argv) => enterContainer(context, { container, handle, argv }),
  }
}

interface Entering {
  readonly container: Container
  readonly handle: Handle
  readonly argv: readonly string[]
}

/** Makes a command one that sees the container's volumes. */
async function enterContainer(
  { runtime, mountSupport }: NodeContext,
  { container, handle, argv }: Entering,
): Promise<Pick<ExecSpec, 'argv' | 'cwd'>> {
  if ((container.volumeMounts ?? []).length === 0 || !mountSupport.usable) return { argv }
  const found = await runtime.inspect(handle)
  if (found.phase !== 'running') return { argv }
  // The program's own folder may exist among its mounts only: the command goes there once it is inside.
  return { argv: enterCommand(argv, { pid: found.pid, user: mountSupport.user }), cwd: '/' }
}

/** A command as it is run inside of a container. */
export interface InsideCommand extends Pick<ExecSpec, 'argv' | 'cwd'> {
  readonly handle: Handle
}

/** Undefined when the container doesn't run. */
export async function commandInside(
  { context, slots }: PodState,
  name: string,
  argv: readonly string[],
): Promise<InsideCommand | undefined> {
  const slot = slots.get(name)
  const handle = slot?.run.handle
  if (!slot || !handle) return undefined
  return { handle, ...(await enterContainer(context, { container: slot.container, handle, argv })) }
}
