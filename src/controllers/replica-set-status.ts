import { isTerminating } from '../api/meta.ts'
import type { Pod, ReplicaSet, ReplicaSetStatus } from '../api/schema/types.gen.ts'
import { findCondition, removeCondition, setCondition } from '../api/conditions.ts'
import { timestamp } from './owned.ts'
import { isPodActive, isPodAvailable, isPodReady } from './pod-facts.ts'

/** A refusal by the server to make or delete a pod. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly error: Error
}

export interface Observed {
  readonly nowMs: number
  readonly failure: ReplicaFailure | undefined
}

/** What `set` should say of itself, given its pods. Pure; equal to the present status when nothing changed. */
export function replicaSetStatus(
  set: ReplicaSet,
  owned: readonly Pod[],
  { nowMs, failure }: Observed,
): ReplicaSetStatus {
  const active = owned.filter(isPodActive)
  const labels = Object.entries(set.spec.template?.metadata?.labels ?? {})
  const isLabeled = ({ metadata }: Pod) => labels.every(([key, value]) => metadata.labels?.[key] === value)
  const isAvailable = (pod: Pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)
  const terminating = owned.filter((pod) => isTerminating(pod)).length
  const conditions = conditionsOf(set, { nowMs, failure })
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(isLabeled).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter(isAvailable).length,
    ...(terminating > 0 && { terminatingReplicas: terminating }),
    ...(set.metadata.generation !== undefined && { observedGeneration: set.metadata.generation }),
    ...(conditions.length > 0 && { conditions: [...conditions] }),
  }
}

function conditionsOf({ status }: ReplicaSet, { nowMs, failure }: Observed) {
  const old = status?.conditions ?? []
  if (!failure) return removeCondition(old, 'ReplicaFailure')
  // The first failure stays: later ones differ in the name of the pod and would be written again and again.
  if (findCondition(old, 'ReplicaFailure')) return old
  const { reason, error } = failure
  const next = { type: 'ReplicaFailure', status: 'True', reason, message: error.message }
  return setCondition(old, next, timestamp(nowMs))
}
