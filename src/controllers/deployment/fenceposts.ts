import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'
import { scaledValue } from '../../api/int-or-string.ts'

export interface Fenceposts {
  /** Pods above the wished-for number that may exist during a rollout. */
  readonly surge: number
  /** Pods below it that may be missing. */
  readonly unavailable: number
}

export const isRolling = ({ spec }: Deployment): boolean => spec.strategy?.type !== 'Recreate'
export const wantedOf = ({ spec }: Deployment): number => spec.replicas ?? 1
export const replicasOf = (set: ReplicaSet): number => set.spec.replicas ?? 0
export const isActive = (set: ReplicaSet): boolean => replicasOf(set) > 0
export const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((n, set) => n + of(set), 0)

/** `maxSurge` and `maxUnavailable` as counts; when both come to 0, one pod may be missing, else nothing could move. */
export function fenceposts(deployment: Deployment): Fenceposts {
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 }
  const total = wantedOf(deployment)
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {}
  const surge = scaledValue(maxSurge, { total, round: 'up' })
  const unavailable = scaledValue(maxUnavailable, { total, round: 'down' })
  const isStuck = surge === 0 && unavailable === 0
  return { surge, unavailable: Math.min(total, isStuck ? 1 : unavailable) }
}
