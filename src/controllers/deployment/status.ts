/**
 * What a Deployment says of itself. Pure. Rules, wording and the order of conditions as in kubernetes
 * pkg/controller/deployment/{sync,progress}.go: `kubectl rollout status`, `wait` and `describe` read them.
 */
import type { Deployment, DeploymentStatus } from '../../api/schema/types.gen.ts'
import { findCondition } from '../../api/conditions.ts'
import { deploymentConditions, hasProgressDeadline, type StatusInput } from './conditions.ts'
import { replicasOf, sum } from './fenceposts.ts'

/** Numbers first, from the sets; then conditions, from the numbers. */
export function deploymentStatus(input: StatusInput): DeploymentStatus {
  const { deployment, newSet, oldSets } = input
  const all = newSet ? [...oldSets, newSet] : oldSets
  const availableReplicas = sum(all, ({ status }) => status?.availableReplicas ?? 0)
  const counts = {
    replicas: sum(all, ({ status }) => status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(all, ({ status }) => status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - availableReplicas),
    terminatingReplicas: sum(all, ({ status }) => status?.terminatingReplicas ?? 0),
  }
  const { generation } = deployment.metadata
  const { collisionCount } = deployment.status ?? {}
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: [...deploymentConditions(input, counts)],
  }
}

/** When a rollout that doesn't move counts as failed. Infinity when none is under way. */
export function progressDeadlineAtMs({ spec }: Deployment, { conditions }: DeploymentStatus): number {
  const progressing = findCondition(conditions, 'Progressing')
  const isSettled =
    spec.paused ||
    progressing?.reason === 'NewReplicaSetAvailable' ||
    progressing?.reason === 'ProgressDeadlineExceeded'
  if (!progressing || isSettled || !hasProgressDeadline(spec)) return Infinity
  return Date.parse(progressing.lastUpdateTime ?? '') + (spec.progressDeadlineSeconds ?? 600) * 1000
}
