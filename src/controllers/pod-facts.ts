/** What controllers ask of a pod. */
import { isTerminating } from '../api/meta.ts'
import { findCondition, isConditionTrue } from '../api/conditions.ts'
import type { Pod } from '../api/schema/types.gen.ts'

export const isPodFinished = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

/** Counts towards a replica count: neither finished nor on its way out. */
export const isPodActive = (pod: Pod): boolean => !isPodFinished(pod) && !isTerminating(pod)

export const isPodReady = (pod: Pod): boolean => isConditionTrue(pod.status?.conditions, 'Ready')

/** When a ready pod becomes available: at once, or `minReadySeconds` after it became ready. `undefined` while not ready. */
export function podAvailableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  if (!isPodReady(pod)) return undefined
  if (minReadySeconds === 0) return 0
  const since = findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime
  return since === undefined ? undefined : Date.parse(since) + minReadySeconds * 1000
}

export const isPodAvailable = (pod: Pod, minReadySeconds: number, nowMs: number): boolean => {
  const atMs = podAvailableAtMs(pod, minReadySeconds)
  return atMs !== undefined && atMs <= nowMs
}

/** Of the container that restarted most. */
export const restartsMaxOf = (pod: Pod): number =>
  Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount))
