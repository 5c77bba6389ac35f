/** What a pod's worker does to its containers. Nothing here waits: what takes time goes on beside the worker and wakes it. */
import { createContainerProbes } from './container-probes.ts'
import { openContainerRun } from './container-run.ts'
import { noteFailure, noteSuccess, type ContainerSlot } from './container-slot.ts'
import { startContainer } from './container-start.ts'
import { probeTarget } from './container-inside.ts'
import { allContainers } from './downward-api.ts'
import type { ContainerAction } from './pod-plan.ts'
import { podIPOf, recorderOf, type PodState } from './pod-state.ts'
import { endSlot, graceSecondsOf, stopSlot } from './pod-stop.ts'
import type { ProbeKind } from './probe-state.ts'
import { goSeconds } from './restart-backoff.ts'

/** Finds what is on this machine of each container, and adopts what runs. */
export async function openSlots(state: PodState): Promise<void> {
  const { context, paths, uid, slots, wake, record } = state
  for (const container of allContainers(record.pod)) {
    const { name } = container
    if (slots.has(name)) continue
    const run = await openContainerRun({
      context,
      paths,
      podUid: uid,
      name,
      onExit(why) {
        if (why) recorderOf(state, container)('Warning', why.reason, why.message)
        wake()
      },
    })
    const { current } = run.record
    const { containerStatuses = [], initContainerStatuses = [] } = record.pod.status ?? {}
    const before = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name)
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
    case 'end':
      return endSlot(state, slot)
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
    inside: (handle) => probeTarget(state, slot, handle),
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
  const seconds = container[`${kind}Probe`]?.terminationGracePeriodSeconds ?? graceSecondsOf(state.record.pod)
  const message = `Container ${container.name} failed ${kind} probe, will be restarted`
  recorderOf(state, container)('Normal', 'Killing', message)
  stopSlot(state, slot, { graceMs: seconds * 1000 })
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

/** Asks the probes that are due. Answers in how many milliseconds the next one is. */
export function probeSlot(state: PodState, slot: ContainerSlot): number | undefined {
  const { handle, record } = slot.run
  const attempt = record.current?.attempt
  if (!handle || attempt === undefined || slot.stopping || slot.starting) return undefined
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
