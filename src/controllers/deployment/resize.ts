/**
 * A Deployment whose size changes in the middle of a rollout, or while it is paused, keeps the proportions of its sets:
 * what was a tenth of the old size on trial is a tenth of the new one. As in kubernetes
 * pkg/controller/deployment/sync.go (scale) and util/deployment_util.go (GetReplicaSetProportion).
 */
import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'
import { fenceposts, isActive, isRolling, replicasOf, sum, wantedOf } from './fenceposts.ts'
import { desiredReplicasOf, maxReplicasOf } from './revisions.ts'
import type { RolloutInput, RolloutStep } from './rollout-step.ts'

/** Some set was last sized for another size of the Deployment. */
export function isBeingScaled({ deployment, newSet, oldSets }: RolloutInput): boolean {
  return allOf(newSet, oldSets)
    .filter(isActive)
    .some((set) => (desiredReplicasOf(set) ?? wantedOf(deployment)) !== wantedOf(deployment))
}

/** Steps for every set concerned, also where the count stays: the size it was sized for is noted on it. */
export function resize({ deployment, newSet, oldSets }: RolloutInput): readonly RolloutStep[] {
  const all = allOf(newSet, oldSets)
  const active = all.filter(isActive)
  if (active.length <= 1) {
    const set = active[0] ?? newSet ?? oldSets.at(-1)
    return set ? [{ type: 'scale', set, replicas: wantedOf(deployment) }] : []
  }
  if (newSet && isSaturated(deployment, newSet))
    return oldSets.filter(isActive).map((set) => ({ type: 'scale', set, replicas: 0 }))
  return isRolling(deployment) ? proportional(deployment, active) : []
}

const allOf = (newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[]) =>
  newSet ? [...oldSets, newSet] : oldSets

/** The rollout is over but for the emptying of the old sets. */
function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = wantedOf(deployment)
  return (
    desiredReplicasOf(set) === wanted &&
    replicasOf(set) === wanted &&
    (set.status?.availableReplicas ?? 0) === wanted
  )
}

function proportional(deployment: Deployment, active: readonly ReplicaSet[]): readonly RolloutStep[] {
  const wanted = wantedOf(deployment)
  const allowed = wanted > 0 ? wanted + fenceposts(deployment).surge : 0
  let rest = allowed - sum(active, replicasOf)
  const isGrowing = rest > 0
  const sized = bySize(active, isGrowing).map((set) => {
    const share = rest === 0 ? 0 : shareOf(set, deployment)
    const step = isGrowing ? Math.min(share, rest) : Math.max(share, rest)
    rest -= step
    return { type: 'scale', set, replicas: replicasOf(set) + step } as const
  })
  // What rounding leaves over goes to the largest.
  return sized.map((step, i) => (i === 0 ? { ...step, replicas: Math.max(0, step.replicas + rest) } : step))
}

/** The largest first; of two that are alike, the newer gains and the older loses. */
function bySize(sets: readonly ReplicaSet[], isGrowing: boolean): readonly ReplicaSet[] {
  const bornMs = (set: ReplicaSet) => Date.parse(set.metadata.creationTimestamp ?? '')
  const direction = isGrowing ? -1 : 1
  return sets.toSorted((a, b) => replicasOf(b) - replicasOf(a) || direction * (bornMs(a) - bornMs(b)))
}

/** How much a set has to grow to keep its share of the whole. */
function shareOf(set: ReplicaSet, deployment: Deployment): number {
  const wanted = wantedOf(deployment)
  if (wanted === 0) return -replicasOf(set)
  const before = maxReplicasOf(set) || (deployment.status?.replicas ?? 0)
  if (before === 0) return 0
  return Math.round((replicasOf(set) * (wanted + fenceposts(deployment).surge)) / before) - replicasOf(set)
}
