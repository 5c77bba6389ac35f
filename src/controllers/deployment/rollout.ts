/**
 * How a Deployment moves from its old ReplicaSets to the new one: pure decisions over what is there. Rules as in
 * kubernetes pkg/controller/deployment/{rolling,recreate,sync}.go.
 */
import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'
import { scaledValue } from '../../api/int-or-string.ts'

/** What to set a ReplicaSet's `spec.replicas` to. */
export interface Scale {
  readonly set: ReplicaSet
  readonly replicas: number
}

export interface RolloutInput {
  readonly deployment: Deployment
  /** The set of the present template. */
  readonly newSet: ReplicaSet
  /** All others that are ours, oldest first. */
  readonly oldSets: readonly ReplicaSet[]
  /** Recreate: pods of old sets that still exist, terminating ones too. */
  readonly oldPodCount: number
}

export const replicasOf = (set: ReplicaSet): number => set.spec.replicas ?? 0
const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0
const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number) =>
  sets.reduce((n, set) => n + of(set), 0)

/** `maxSurge` and `maxUnavailable` as counts; when both come to 0, one pod may be missing, else nothing could move. */
export function fenceposts({ spec }: Deployment): { readonly surge: number; readonly unavailable: number } {
  const total = spec.replicas ?? 1
  const rolling = spec.strategy?.rollingUpdate
  const surge = scaledValue(rolling?.maxSurge ?? '25%', { total, round: 'up' })
  const unavailable = scaledValue(rolling?.maxUnavailable ?? '25%', { total, round: 'down' })
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable }
}

/** The next step of the rollout; an empty list when there is nothing to do now. */
export function planRollout(input: RolloutInput): readonly Scale[] {
  const { deployment, newSet, oldSets } = input
  if (deployment.spec.paused) return resize(input)
  if (deployment.spec.strategy?.type === 'Recreate') return recreate(input)
  const grown = growNew(input)
  if (grown !== replicasOf(newSet)) return [{ set: newSet, replicas: grown }]
  if (sum(oldSets, replicasOf) === 0) return []
  return shrinkOld(input)
}

function recreate({ deployment, newSet, oldSets, oldPodCount }: RolloutInput): readonly Scale[] {
  const running = oldSets.filter((set) => replicasOf(set) > 0)
  if (running.length > 0) return running.map((set) => ({ set, replicas: 0 }))
  const wanted = deployment.spec.replicas ?? 1
  if (oldPodCount > 0 || replicasOf(newSet) === wanted) return []
  return [{ set: newSet, replicas: wanted }]
}

/** As many new pods as the surge allows. */
function growNew({ deployment, newSet, oldSets }: RolloutInput): number {
  const wanted = deployment.spec.replicas ?? 1
  const present = replicasOf(newSet)
  if (present >= wanted) return wanted
  const room = wanted + fenceposts(deployment).surge - sum([...oldSets, newSet], replicasOf)
  return present + Math.max(0, Math.min(room, wanted - present))
}

/** Old pods that are down anyway go first; then as many healthy ones as may be missing. */
function shrinkOld({ deployment, newSet, oldSets }: RolloutInput): readonly Scale[] {
  const availableMin = (deployment.spec.replicas ?? 1) - fenceposts(deployment).unavailable
  const newUnavailable = replicasOf(newSet) - availableOf(newSet)
  const total = sum([...oldSets, newSet], replicasOf)
  let removable = total - availableMin - newUnavailable
  if (removable <= 0) return []

  const left = new Map(oldSets.map((set) => [set, replicasOf(set)]))
  const take = (set: ReplicaSet, count: number) => left.set(set, (left.get(set) ?? 0) - count)
  for (const set of oldSets) {
    const unhealthy = Math.min(removable, Math.max(0, replicasOf(set) - availableOf(set)))
    take(set, unhealthy)
    removable -= unhealthy
  }
  let spare = sum([...oldSets, newSet], availableOf) - availableMin
  for (const set of oldSets) {
    const count = Math.max(0, Math.min(spare, left.get(set) ?? 0))
    take(set, count)
    spare -= count
  }
  return changes(left)
}

/** A Deployment that was scaled in the middle of a rollout (or while paused) keeps the proportions of its sets. */
export function resize({ deployment, newSet, oldSets }: RolloutInput): readonly Scale[] {
  const wanted = deployment.spec.replicas ?? 1
  const active = [...oldSets, newSet].filter((set) => replicasOf(set) > 0)
  const [only] = active
  if (active.length <= 1) {
    const set = only ?? newSet
    return replicasOf(set) === wanted ? [] : [{ set, replicas: wanted }]
  }
  const isRolling = deployment.spec.strategy?.type !== 'Recreate'
  const allowed = wanted > 0 ? wanted + (isRolling ? fenceposts(deployment).surge : 0) : 0
  const total = sum(active, replicasOf)
  let rest = allowed - total
  const left = new Map(active.map((set) => [set, replicasOf(set)]))
  const bySize = active.toSorted((a, b) => replicasOf(b) - replicasOf(a))
  for (const set of bySize) {
    const share = Math.round((replicasOf(set) * allowed) / total) - replicasOf(set)
    const step = rest > 0 ? Math.min(Math.max(share, 0), rest) : Math.max(Math.min(share, 0), rest)
    left.set(set, replicasOf(set) + step)
    rest -= step
  }
  const [largest] = bySize
  if (largest && rest !== 0) left.set(largest, Math.max(0, (left.get(largest) ?? 0) + rest))
  return changes(left)
}

function changes(left: ReadonlyMap<ReplicaSet, number>): readonly Scale[] {
  return [...left]
    .filter(([set, replicas]) => replicas !== replicasOf(set))
    .map(([set, replicas]) => ({ set, replicas }))
}
