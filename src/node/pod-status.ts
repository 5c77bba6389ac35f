/**
 * The status of a pod, computed from what is known of its containers. Follows kubelet (pkg/kubelet/kubelet_pods.go
 * getPhase, pkg/kubelet/status/generate.go), word for word where clients show it. Pure.
 */
import { isEqual } from '../api/equal.ts'
import { sidecarsOf } from './pod-plan.ts'
import type { PodEnd } from './pod-records.ts'
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../api/schema/types.gen.ts'

/** What is known of one container. */
export interface ContainerView {
  readonly name: string
  readonly state: ContainerState
  readonly lastState?: ContainerState
  readonly restartCount: number
  readonly started: boolean
  readonly ready: boolean
  readonly imageID?: string
  readonly containerID?: string
}

export interface StatusInput {
  readonly pod: Pod
  readonly views: ReadonlyMap<string, ContainerView>
  readonly startTime: string
  readonly hostIP: string
  readonly podIP?: string
  /** Set when the agent itself ended the pod: its deadline passed, it was evicted. */
  readonly ended?: PodEnd
  readonly nowIso: string
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, views, podIP, hostIP, ended } = input
  const initStatuses = (pod.spec.initContainers ?? []).map((container) => containerStatus(container, views))
  const statuses = pod.spec.containers.map((container) => containerStatus(container, views))
  const phase = ended ? 'Failed' : podPhase(pod, initStatuses, statuses)
  const generation = pod.metadata.generation
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    conditions: mergeConditions(input, newConditions({ ...input, phase, initStatuses, statuses })),
    ...(ended && { reason: ended.reason, message: ended.message }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP !== undefined && { podIP, podIPs: [{ ip: podIP }] }),
    startTime: input.startTime,
    ...(initStatuses.length > 0 && { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(pod.status?.qosClass !== undefined && { qosClass: pod.status.qosClass }),
  }
}

export const isTerminalPhase = (phase: string | undefined): boolean =>
  phase === 'Succeeded' || phase === 'Failed'

export function podPhase(
  pod: Pod,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): string {
  const sidecars = new Set(sidecarsOf(pod).map(({ name }) => name))
  const hasBegun = statuses.some(({ state, lastState }) => !isUntouched(state, lastState))
  for (const { name, started, state, lastState } of initStatuses) {
    if (sidecars.has(name)) {
      if (hasBegun || started === true) continue
      return 'Pending'
    }
    const ended = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined)
    if (ended && ended.exitCode === 0) continue
    if (ended && pod.spec.restartPolicy === 'Never') return 'Failed'
    return 'Pending'
  }
  let running = 0
  let stopped = 0
  let succeeded = 0
  for (const { state, lastState } of statuses) {
    const ended = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined)
    if (state?.running) running++
    else if (!ended) return 'Pending'
    else {
      stopped++
      if (ended.exitCode === 0) succeeded++
    }
  }
  if (running > 0) return 'Running'
  if (stopped === 0) return 'Pending'
  // Sidecars end after the containers, and their end says nothing of the pod's.
  if (initStatuses.some(({ name, state }) => sidecars.has(name) && state?.running)) return 'Running'
  // A pod that is being deleted restarts nothing: how its containers ended is how it ended.
  if ((pod.spec.restartPolicy ?? 'Always') === 'Always' && !pod.metadata.deletionTimestamp) return 'Running'
  if (succeeded === stopped) return 'Succeeded'
  return pod.spec.restartPolicy === 'Never' || pod.metadata.deletionTimestamp ? 'Failed' : 'Running'
}

/** It has never run. */
const isUntouched = (state: ContainerState | undefined, lastState: ContainerState | undefined): boolean =>
  !state?.running && !state?.terminated && !lastState?.terminated

function containerStatus(container: Container, views: ReadonlyMap<string, ContainerView>): ContainerStatus {
  const view = views.get(container.name)
  const image = container.image ?? ''
  if (!view) {
    const state = { waiting: { reason: 'ContainerCreating' } }
    return {
      name: container.name,
      state,
      lastState: {},
      ready: false,
      restartCount: 0,
      image,
      imageID: '',
      started: false,
    }
  }
  return {
    name: container.name,
    state: view.state,
    lastState: view.lastState ?? {},
    ready: view.ready,
    restartCount: view.restartCount,
    image,
    imageID: view.imageID ?? '',
    ...(view.containerID !== undefined && { containerID: view.containerID }),
    started: view.started,
  }
}

interface ConditionInput extends StatusInput {
  readonly phase: string
  readonly initStatuses: readonly ContainerStatus[]
  readonly statuses: readonly ContainerStatus[]
}

function newConditions(input: ConditionInput): readonly PodCondition[] {
  const { pod, phase, initStatuses, statuses, podIP } = input
  const sidecars = new Set(sidecarsOf(pod).map(({ name }) => name))
  const hasBegun = statuses.some(({ state, lastState }) => !isUntouched(state, lastState))
  const isThrough = ({ name, started, state }: ContainerStatus) =>
    sidecars.has(name) ? hasBegun || started === true : state?.terminated?.exitCode === 0
  const pendingInit = initStatuses.filter((status) => !isThrough(status)).map(({ name }) => name)
  const mustBeReady = [...initStatuses.filter(({ name }) => sidecars.has(name)), ...statuses]
  const unready = mustBeReady.filter(({ ready }) => !ready).map(({ name }) => name)
  const containersReady = readyCondition('ContainersReady', phase, unready)
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType)
  const closed = gates.filter(
    (type) => !pod.status?.conditions?.some((c) => c.type === type && c.status === 'True'),
  )
  const ready: PodCondition =
    containersReady.status === 'True' && closed.length > 0
      ? {
          type: 'Ready',
          status: 'False',
          reason: 'ReadinessGatesNotReady',
          message: closed
            .map((type) => `corresponding condition of pod readiness gate "${type}" does not exist.`)
            .join(', '),
        }
      : readyCondition('Ready', phase, unready)
  return [
    ...disruption(input.ended),
    {
      type: 'PodReadyToStartContainers',
      status: podIP !== undefined && phase !== 'Succeeded' && phase !== 'Failed' ? 'True' : 'False',
    },
    pendingInit.length === 0 || phase === 'Succeeded'
      ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${pendingInit.join(' ')}]`,
        },
    ready,
    containersReady,
    { type: 'PodScheduled', status: 'True' },
  ]
}

const disruption = (ended: PodEnd | undefined): readonly PodCondition[] =>
  ended?.isDisruption
    ? [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'TerminationByKubelet',
          message: ended.message,
        },
      ]
    : []

function readyCondition(type: string, phase: string, unready: readonly string[]): PodCondition {
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  if (unready.length === 0) return { type, status: 'True' }
  return {
    type,
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  }
}

/** Ours in place of the old ones of their type, others' kept; the transition time moves with the status only. */
function mergeConditions({ pod, nowIso }: StatusInput, next: readonly PodCondition[]): PodCondition[] {
  const old = pod.status?.conditions ?? []
  const generation = pod.metadata.generation
  const ours = next.map((condition): PodCondition => {
    const before = old.find(({ type }) => type === condition.type)
    if (condition.type === 'PodScheduled' && before) return before
    const lastTransitionTime =
      before?.status === condition.status ? (before.lastTransitionTime ?? nowIso) : nowIso
    return {
      ...condition,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime,
    }
  })
  return [...ours, ...old.filter(({ type }) => !next.some((condition) => condition.type === type))]
}

/**
 * A merge patch that turns `old` into `next`; undefined when nothing differs. The uid makes it fail on another pod of
 * the same name.
 */
export function statusPatch(uid: string, old: PodStatus | undefined, next: PodStatus): object | undefined {
  const before = (old ?? {}) as Record<string, unknown>
  const after = next as Record<string, unknown>
  const status: Record<string, unknown> = {}
  for (const key of ['reason', 'message'])
    if (before[key] !== undefined && after[key] === undefined) status[key] = null
  for (const [key, value] of Object.entries(after)) if (!isEqual(value, before[key])) status[key] = value
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status }
}
