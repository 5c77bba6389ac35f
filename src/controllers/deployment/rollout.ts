/**
 * How a Deployment moves from its old ReplicaSets to the new one: pure decisions over what is there. Rules as in
 * kubernetes pkg/controller/deployment/{rolling,recreate,sync}.go; one step at a time, each from what is observed.
 *
 *   rolling    make or grow the new set as far as the surge allows ──▶ shrink the old ones as far as availability allows
 *   recreate   empty the old sets ──▶ wait until their pods are gone ──▶ make or grow the new set
 */
import type { ReplicaSet } from '../../api/schema/types.gen.ts'
import { fenceposts, isActive, isRolling, replicasOf, sum, wantedOf } from './fenceposts.ts'
import { isBeingScaled, resize } from './resize.ts'
import type { RolloutInput, RolloutStep } from './rollout-step.ts'

/** Paused, or another size is wanted in the middle of a rollout: sets are sized, and the rollout goes no step further. */
export const isHeld = (input: RolloutInput): boolean =>
  input.deployment.spec.paused === true || (isRolling(input.deployment) && isBeingScaled(input))

/** The next step of the rollout; an empty list when there is nothing to do now. */
export function planRollout(input: RolloutInput): readonly RolloutStep[] {
  if (isHeld(input)) return resize(input)
  if (!isRolling(input.deployment)) return recreate(input)
  const { newSet } = input
  const replicas = newSetSize(input)
  if (!newSet) return [{ type: 'create', replicas }]
  if (replicas !== replicasOf(newSet)) return [{ type: 'scale', set: newSet, replicas }]
  return shrinkOld(input, newSet)
}

function recreate({ deployment, newSet, oldSets, oldPodCount }: RolloutInput): readonly RolloutStep[] {
  const running = oldSets.filter(isActive)
  if (running.length > 0) return running.map((set) => ({ type: 'scale', set, replicas: 0 }))
  if (oldPodCount > 0) return []
  const replicas = wantedOf(deployment)
  if (!newSet) return [{ type: 'create', replicas }]
  return replicasOf(newSet) === replicas ? [] : [{ type: 'scale', set: newSet, replicas }]
}

/** As many new pods as the surge allows. */
function newSetSize({ deployment, newSet, oldSets }: RolloutInput): number {
  const wanted = wantedOf(deployment)
  const present = newSet ? replicasOf(newSet) : 0
  if (present >= wanted) return wanted
  const room = wanted + fenceposts(deployment).surge - sum(oldSets, replicasOf) - present
  return present + Math.max(0, Math.min(room, wanted - present))
}

/** Old pods that are down anyway go first; then as many healthy ones as may be missing. */
function shrinkOld({ deployment, oldSets }: RolloutInput, newSet: ReplicaSet): readonly RolloutStep[] {
  const active = oldSets.filter(isActive)
  const availableMin = wantedOf(deployment) - fenceposts(deployment).unavailable
  const newUnavailable = replicasOf(newSet) - availableOf(newSet)
  let removable = sum([...active, newSet], replicasOf) - availableMin - newUnavailable
  if (removable <= 0) return []

  const left = new Map(active.map((set) => [set, replicasOf(set)]))
  const take = (set: ReplicaSet, count: number) => left.set(set, (left.get(set) ?? 0) - count)
  for (const set of active) {
    const unhealthy = Math.min(removable, replicasOf(set) - availableOf(set))
    take(set, unhealthy)
    removable -= unhealthy
  }
  let spare = Math.max(0, sum([...active, newSet], availableOf) - availableMin)
  for (const set of active) {
    const count = Math.min(spare, left.get(set) ?? 0)
    take(set, count)
    spare -= count
  }
  return [...left]
    .filter(([set, replicas]) => replicas !== replicasOf(set))
    .map(([set, replicas]) => ({ type: 'scale', set, replicas }))
}

/** A set that was shrunk a moment ago still reports the pods it is about to lose: those don't count. */
const availableOf = (set: ReplicaSet): number => Math.min(set.status?.availableReplicas ?? 0, replicasOf(set))
