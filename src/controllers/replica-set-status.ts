import { isTerminating } from '../api/meta.ts'
import type { Pod, ReplicaSet, ReplicaSetStatus } from '../api/schema/types.gen.ts'
import { removeCondition, setCondition } from '../api/conditions.ts'
import { isPodActive, isPodAvailable, isPodReady } from './pod-facts.ts'

/** What `set` should say of itself, given its pods. Pure; equal to the present status when nothing changed. */
export function replicaSetStatus(
  set: ReplicaSet,
  owned: readonly Pod[],
  { nowMs, failure }: { readonly nowMs: number; readonly failure: Error | undefined },
): ReplicaSetStatus {
  const active = owned.filter(isPodActive)
  const labels = Object.entries(set.spec.template?.metadata?.labels ?? {})
  const old = set.status?.conditions ?? []
  const conditions = failure
    ? setCondition(
        old,
        { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure.message },
        new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      )
    : removeCondition(old, 'ReplicaFailure')
  const terminating = owned.filter((pod) => isTerminating(pod)).length
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) =>
      labels.every(([key, value]) => pod.metadata.labels?.[key] === value),
    ).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs))
      .length,
    ...(terminating > 0 && { terminatingReplicas: terminating }),
    ...(set.metadata.generation !== undefined && { observedGeneration: set.metadata.generation }),
    ...(conditions.length > 0 && { conditions: [...conditions] }),
  }
}
