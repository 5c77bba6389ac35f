import type { Deployment, DeploymentCondition, ReplicaSet } from '../../api/schema/types.gen.ts'
import { findCondition, removeCondition } from '../../api/conditions.ts'
import { timestamp } from '../owned.ts'
import { fenceposts, wantedOf } from './fenceposts.ts'

export interface StatusInput {
  readonly deployment: Deployment
  readonly newSet: ReplicaSet | undefined
  readonly oldSets: readonly ReplicaSet[]
  /** `held`: paused or being scaled, nothing is said of progress. `ending`: being deleted. */
  readonly phase: 'rolling' | 'held' | 'ending'
  /** Whether `newSet` was made in this reconcile. */
  readonly isNew: boolean
  readonly nowMs: number
}

export interface Counts {
  readonly replicas: number
  readonly updatedReplicas: number
  readonly readyReplicas: number
  readonly availableReplicas: number
}

type Conditions = readonly DeploymentCondition[]
type NewCondition = Pick<DeploymentCondition, 'type' | 'status'> &
  Required<Pick<DeploymentCondition, 'reason' | 'message'>>

/** The conditions that follow on those the Deployment has now. */
export function deploymentConditions(input: StatusInput, counts: Counts): Conditions {
  const { deployment, nowMs, phase } = input
  const nowIso = timestamp(nowMs)
  const begun = begin(input, nowIso)
  const known = put(begun, availability(deployment, counts), nowIso)
  if (phase !== 'rolling') return known
  const current = findCondition(begun, 'Progressing')
  const progressed = progress(input, { counts, current, nowIso }, known)
  return withFailure(progressed, input, nowIso)
}

/** What is known before the sets are counted: that the rollout was paused, resumed or has begun. */
function begin({ deployment, newSet, isNew, phase }: StatusInput, nowIso: string): Conditions {
  const present = deployment.status?.conditions ?? []
  if (!hasProgressDeadline(deployment.spec)) return removeCondition(present, 'Progressing')
  if (phase === 'ending') return present
  const say = (status: string, reason: string, message: string) =>
    put(present, { type: 'Progressing', status, reason, message }, nowIso)
  const progressing = findCondition(present, 'Progressing')
  const isPaused = deployment.spec.paused === true
  const wasPaused = progressing?.reason === 'DeploymentPaused'
  const hasFailed = progressing?.reason === 'ProgressDeadlineExceeded'
  if (isPaused && !hasFailed) return say('Unknown', 'DeploymentPaused', 'Deployment is paused')
  if (newSet && isNew)
    return say('True', 'NewReplicaSetCreated', `Created new replica set "${newSet.metadata.name}"`)
  if (!isPaused && wasPaused) return say('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  if (newSet && !progressing && phase === 'rolling')
    return say('True', 'FoundNewReplicaSet', `Found new replica set "${newSet.metadata.name}"`)
  return present
}

function availability(deployment: Deployment, { availableReplicas }: Counts): NewCondition {
  const isAvailable = availableReplicas >= wantedOf(deployment) - fenceposts(deployment).unavailable
  return {
    type: 'Available',
    status: isAvailable ? 'True' : 'False',
    reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${isAvailable ? 'has' : 'does not have'} minimum availability.`,
  }
}

interface Progress {
  readonly counts: Counts
  readonly current: DeploymentCondition | undefined
  readonly nowIso: string
}

function progress(
  input: StatusInput,
  { counts, current, nowIso }: Progress,
  conditions: Conditions,
): Conditions {
  const { deployment, newSet, nowMs } = input
  // A rollout that is over stays over, whatever becomes of its pods later: that is for `Available` to tell.
  const isOver = counts.replicas === counts.updatedReplicas && current?.reason === 'NewReplicaSetAvailable'
  if (!hasProgressDeadline(deployment.spec) || isOver) return conditions
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const say = (status: string, reason: string, message: string, from = conditions) =>
    put(from, { type: 'Progressing', status, reason, message }, nowIso)
  if (isComplete(deployment, counts))
    return say('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`)
  if (hasMoved(deployment, counts)) {
    // Said anew though the words may be the same: its lastUpdateTime is from when the deadline counts.
    const renewed = say(
      'True',
      'ReplicaSetUpdated',
      `${subject} is progressing.`,
      removeCondition(conditions, 'Progressing'),
    )
    return current?.status === 'True' && current.lastTransitionTime
      ? since(renewed, 'Progressing', current.lastTransitionTime)
      : renewed
  }
  if (isTimedOut(deployment, current, nowMs))
    return say('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`)
  return conditions
}

export const isComplete = (
  deployment: Deployment,
  { replicas = 0, updatedReplicas = 0, availableReplicas = 0 }: Partial<Counts>,
): boolean => [replicas, updatedReplicas, availableReplicas].every((count) => count === wantedOf(deployment))

/** More new pods, fewer old ones, or more that work, than when the status was last written. */
function hasMoved({ status: before = {} }: Deployment, counts: Counts): boolean {
  const oldBefore = (before.replicas ?? 0) - (before.updatedReplicas ?? 0)
  return (
    counts.updatedReplicas > (before.updatedReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < oldBefore ||
    counts.readyReplicas > (before.readyReplicas ?? 0) ||
    counts.availableReplicas > (before.availableReplicas ?? 0)
  )
}

function isTimedOut({ spec }: Deployment, current: DeploymentCondition | undefined, nowMs: number): boolean {
  if (!current || current.reason === 'NewReplicaSetAvailable') return false
  if (current.reason === 'ProgressDeadlineExceeded') return true
  return Date.parse(current.lastUpdateTime ?? '') + (spec.progressDeadlineSeconds ?? 600) * 1000 < nowMs
}

/** The refusal that a set met with becomes the Deployment's; the new set's before others'. */
function withFailure(conditions: Conditions, { newSet, oldSets }: StatusInput, nowIso: string): Conditions {
  const failure = [...(newSet ? [newSet] : []), ...oldSets]
    .map(failureOf)
    .find((found) => found !== undefined)
  if (!failure) return removeCondition(conditions, 'ReplicaFailure')
  const { status, reason = '', message = '' } = failure
  return put(conditions, { type: 'ReplicaFailure', status, reason, message }, nowIso)
}

const failureOf = ({ status }: ReplicaSet) => findCondition(status?.conditions, 'ReplicaFailure')

/**
 * Replaces the condition of a type, at the end of the list, unless it says the same already. Only a change of its
 * status moves its `lastTransitionTime`.
 */
export function put(conditions: Conditions, next: NewCondition, nowIso: string): Conditions {
  const old = findCondition(conditions, next.type)
  if (old?.status === next.status && old.reason === next.reason) return conditions
  const lastTransitionTime = old?.status === next.status ? (old.lastTransitionTime ?? nowIso) : nowIso
  const condition = { ...next, lastUpdateTime: nowIso, lastTransitionTime }
  return [...conditions.filter(({ type }) => type !== next.type), condition]
}

const since = (conditions: Conditions, type: string, lastTransitionTime: string): Conditions =>
  conditions.map((condition) => (condition.type === type ? { ...condition, lastTransitionTime } : condition))

/** The largest 32-bit number says that there is none. */
export const hasProgressDeadline = ({ progressDeadlineSeconds }: Deployment['spec']): boolean =>
  progressDeadlineSeconds !== 2 ** 31 - 1
