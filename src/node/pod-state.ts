/** All that the worker of one pod holds. Only the worker's loop changes it. */
import { deferred, type Deferred } from '../base/deferred.ts'
import { referenceTo } from '../client/events.ts'
import { addressAt } from '../api/pod-address.ts'
import type { Container } from '../api/schema/types.gen.ts'
import { viewOf, type ContainerSlot, type Recorder } from './container-slot.ts'
import type { NodeContext } from './context.ts'
import { isSidecar } from './pod-plan.ts'
import { podPaths, type PodPaths, type PodRecord } from './pod-records.ts'
import { podStatus } from './pod-status.ts'
import { createPodVolumes, type PodVolumes } from './pod-volumes.ts'
import { createStatusWriter, type StatusWriter } from './status-writer.ts'
import { timeOf } from './times.ts'

export interface PodState {
  readonly context: NodeContext
  readonly uid: string
  readonly paths: PodPaths
  readonly volumes: PodVolumes
  readonly writer: StatusWriter
  /** Aborts when the agent lets go of the pod. */
  readonly stop: AbortSignal
  /** Ends the starts that are under way: the pod is leaving. */
  readonly starts: AbortController
  /** By container name; complete after the first look. */
  readonly slots: Map<string, ContainerSlot>
  /** 127.x: where the pod really listens. */
  readonly address: string
  /** Makes the worker look again, soon. */
  readonly wake: () => void
  /** When the grace of the whole pod is over; set once it ends. */
  endMs?: number
  record: PodRecord
  /** The record that is on disk. */
  saved?: PodRecord
  /** Resolves when the pod has ended and what it had written, but for its logs, is gone. */
  readonly freed: Deferred<void>
  isFreed: boolean
  /** Until when what begins needs not be told. */
  readonly quietUntilMs: { readonly starting: number; readonly running: number }
  /** When the files of its volumes are compared with their objects again. */
  volumesDueMs: number
}

/**
 * A start that takes longer is shown as one, and an app that isn't ready by then as running; most are, and spare everybody a write,
 * and themselves whoever would look at it while they need the processor.
 */
const quietMs = { starting: 100, running: 500 }

export interface PodStateOptions {
  readonly context: NodeContext
  readonly record: PodRecord
  readonly wake: () => void
  readonly stop: AbortSignal
  readonly onMissing: () => void
}

export function createPodState({ context, record, wake, stop, onMissing }: PodStateOptions): PodState {
  const uid = record.pod.metadata.uid ?? ''
  const nowMs = context.clock.monotonicMs()
  const paths = podPaths(context.dataDir, uid)
  return {
    context,
    uid,
    paths,
    volumes: createPodVolumes(context, paths, uid),
    writer: createStatusWriter(context, onMissing),
    stop,
    starts: new AbortController(),
    slots: new Map(),
    address: addressAt(context.loopbackBlock, record.index) ?? '',
    wake,
    record,
    freed: deferred(),
    isFreed: false,
    quietUntilMs: { starting: nowMs + quietMs.starting, running: nowMs + quietMs.running },
    volumesDueMs: 0,
  }
}

/** Undefined until the node has a range. */
export function podIPOf({ context, record }: PodState): string | undefined {
  const cidr = context.podCIDR()
  return cidr === undefined ? undefined : addressAt(cidr, record.index)
}

/** Records events about one container. */
export function recorderOf({ context, record }: PodState, { name }: Container): Recorder {
  const { pod } = record
  const list = pod.spec.initContainers?.some((container) => container.name === name)
    ? 'initContainers'
    : 'containers'
  const object = { ...referenceTo(pod), fieldPath: `spec.${list}{${name}}` }
  return (type, reason, message) => context.recorder.record(object, type, reason, message)
}

/** Hands the status as it is now to the writer. */
export function publish(state: PodState): void {
  const { context, record, slots, writer } = state
  const podIP = podIPOf(state)
  const initContainers = record.pod.spec.initContainers ?? []
  const inits = new Set(initContainers.filter((one) => !isSidecar(one)).map(({ name }) => name))
  const base = writer.baseOf(record.pod)
  const status = podStatus({
    pod: { ...record.pod, ...(base && { status: base }) },
    views: new Map([...slots].map(([name, slot]) => [name, viewOf(slot, inits.has(name))])),
    startTime: record.startTime,
    hostIP: context.hostIP,
    nowIso: timeOf(context.clock.now()),
    ...(podIP !== undefined && { podIP }),
    ...(record.ended && { ended: record.ended }),
  })
  writer.publish(record.pod, status)
}
