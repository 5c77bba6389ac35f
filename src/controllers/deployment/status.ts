import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../api/schema/types.gen.ts'
import { findCondition, removeCondition } from '../../api/conditions.ts'
import { fenceposts, replicasOf } from './rollout.ts'

export interface StatusInput {
  readonly deployment: Deployment
  readonly newSet: ReplicaSet | undefined
  readonly oldSets: readonly ReplicaSet[]
  readonly nowMs: number
}

/** What a Deployment should say of itself. Pure; wording as in kubernetes pkg/controller/deployment/util. */
export function deploymentStatus({ deployment, newSet, oldSets, nowMs }: StatusInput): DeploymentStatus {
  const all = newSet ? [...oldSets, newSet] : oldSets
  const count = (of: (set: ReplicaSet) => number | undefined) => all.reduce((n, set) => n + (of(set) ?? 0), 0)
  const availableReplicas = count((set) => set.status?.availableReplicas)
  const specReplicas = count(replicasOf)
  const numbers = {
    replicas: count((set) => set.status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: count((set) => set.status?.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, specReplicas - availableReplicas),
  }
  const { generation } = deployment.metadata
  const conditions = conditionsOf({ deployment, newSet, oldSets, nowMs }, numbers)
  const { collisionCount } = deployment.status ?? {}
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value > 0)),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions,
  }
}

interface Numbers {
  readonly replicas: number
  readonly updatedReplicas: number
  readonly availableReplicas: number
}

function conditionsOf(input: StatusInput, numbers: Numbers): DeploymentCondition[] {
  const { deployment, newSet, oldSets, nowMs } = input
  let conditions: readonly DeploymentCondition[] = deployment.status?.conditions ?? []
  const wanted = deployment.spec.replicas ?? 1
  const isAvailable = numbers.availableReplicas >= wanted - availableSlack(deployment)
  conditions = set(conditions, nowMs, {
    type: 'Available',
    status: isAvailable ? 'True' : 'False',
    reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${isAvailable ? 'has' : 'does not have'} minimum availability.`,
  })
  const failure = [...oldSets, ...(newSet ? [newSet] : [])]
    .map((one) => findCondition(one.status?.conditions, 'ReplicaFailure'))
    .find((condition) => condition?.status === 'True')
  conditions = failure
    ? set(conditions, nowMs, { ...failure })
    : removeCondition(conditions, 'ReplicaFailure')
  const progressing = progressOf(input, numbers)
  return [...(progressing ? set(conditions, nowMs, progressing) : conditions)]
}

const availableSlack = (deployment: Deployment): number =>
  deployment.spec.strategy?.type === 'Recreate' ? 0 : fenceposts(deployment).unavailable

export const isComplete = (
  { deployment }: StatusInput,
  { replicas, updatedReplicas, availableReplicas }: Numbers,
): boolean => {
  const wanted = deployment.spec.replicas ?? 1
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted
}

function progressOf(input: StatusInput, numbers: Numbers): DeploymentCondition | undefined {
  const { deployment, newSet, nowMs } = input
  const old = findCondition(deployment.status?.conditions, 'Progressing')
  if (deployment.spec.paused) {
    return {
      type: 'Progressing',
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    }
  }
  if (!newSet) return old
  const subject = `ReplicaSet "${newSet.metadata.name}"`
  if (isComplete(input, numbers)) {
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `${subject} has successfully progressed.`,
    }
  }
  const before = deployment.status ?? {}
  const isFirst =
    !old ||
    old.reason === 'DeploymentPaused' ||
    (old.reason === 'NewReplicaSetAvailable' && numbers.updatedReplicas === 0)
  const hasMoved =
    numbers.updatedReplicas > (before.updatedReplicas ?? 0) ||
    numbers.availableReplicas > (before.availableReplicas ?? 0) ||
    numbers.replicas - numbers.updatedReplicas < (before.replicas ?? 0) - (before.updatedReplicas ?? 0) ||
    !old?.message?.includes(`"${newSet.metadata.name}"`)
  const nowIso = iso(nowMs)
  if (isFirst && numbers.updatedReplicas === 0) {
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetCreated',
      message: `Created new replica set "${newSet.metadata.name}"`,
      lastUpdateTime: nowIso,
    }
  }
  if (hasMoved || isFirst) {
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      message: `${subject} is progressing.`,
      lastUpdateTime: nowIso,
    }
  }
  if (old.reason === 'NewReplicaSetAvailable') {
    // A pod of a finished rollout went down: that is no rollout that is stuck.
    return old
  }
  if (nowMs < progressDeadlineAtMs(deployment)) return old
  return {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `${subject} has timed out progressing.`,
  }
}

/** When a rollout that doesn't move counts as failed. Infinity when there is none under way. */
export function progressDeadlineAtMs({ spec, status }: Deployment): number {
  const progressing = findCondition(status?.conditions, 'Progressing')
  if (!progressing || progressing.reason === 'NewReplicaSetAvailable' || progressing.status !== 'True')
    return Infinity
  return Date.parse(progressing.lastUpdateTime ?? '') + (spec.progressDeadlineSeconds ?? 600) * 1000
}

/** Sets a condition; its times move only with its content. */
function set(
  conditions: readonly DeploymentCondition[],
  nowMs: number,
  next: DeploymentCondition,
): readonly DeploymentCondition[] {
  const index = conditions.findIndex(({ type }) => type === next.type)
  const old = conditions[index]
  const nowIso = iso(nowMs)
  if (!old) return [...conditions, { ...next, lastUpdateTime: nowIso, lastTransitionTime: nowIso }]
  const isSame = old.status === next.status && old.reason === next.reason && old.message === next.message
  if (isSame && (next.lastUpdateTime === undefined || next.lastUpdateTime === old.lastUpdateTime))
    return conditions
  const lastTransitionTime = old.status === next.status ? (old.lastTransitionTime ?? nowIso) : nowIso
  return conditions.with(index, { ...next, lastUpdateTime: nowIso, lastTransitionTime })
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
