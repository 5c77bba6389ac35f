import type { Pod, ReplicaSet } from '../api/schema/types.gen.ts'
import { findCondition } from '../api/conditions.ts'
import { isPodActive, isPodReady, restartsMaxOf } from './pod-facts.ts'

export interface ReplicaPlan {
  /** Pods to make. */
  readonly create: number
  /** Pods to delete, the one that is missed least first. */
  readonly remove: readonly Pod[]
}

/** Pods made or deleted in one reconcile at most; the rest follow in the next. */
export const burstMax = 500

export interface Surroundings {
  readonly nowMs: number
  /** Pods of all sets of the same owner, `owned` among them: a node with many of them can spare one. */
  readonly related?: readonly Pod[]
}

/** What has to happen for `set` to have its replicas. Pure. */
export function planReplicas(
  set: ReplicaSet,
  owned: readonly Pod[],
  { nowMs, related = owned }: Surroundings,
): ReplicaPlan {
  const active = owned.filter(isPodActive)
  const wanted = set.spec.replicas ?? 1
  if (active.length <= wanted) return { create: Math.min(wanted - active.length, burstMax), remove: [] }
  const surplus = Math.min(active.length - wanted, burstMax)
  return { create: 0, remove: victims(active, { nowMs, related }).slice(0, surplus) }
}

/**
 * The order in which kube-controller-manager gives pods up (pkg/controller/controller_utils.go, ActivePodsWithRanks):
 * unassigned, pending, not ready, cheap, doubled up on a node, ready for a short time, often restarted, young.
 */
export function victims(pods: readonly Pod[], { nowMs, related = pods }: Surroundings): readonly Pod[] {
  const onNode = new Map<string, number>()
  for (const { spec } of related.filter(isPodActive))
    onNode.set(spec.nodeName ?? '', (onNode.get(spec.nodeName ?? '') ?? 0) + 1)
  const ranks = (pod: Pod): readonly number[] => [
    pod.spec.nodeName ? 1 : 0,
    phaseRank[pod.status?.phase ?? 'Pending'] ?? 0,
    isPodReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(onNode.get(pod.spec.nodeName ?? '') ?? 0),
    isPodReady(pod) ? logAge(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime, nowMs) : 0,
    -restartsMaxOf(pod),
    logAge(pod.metadata.creationTimestamp, nowMs),
  ]
  const ranked = pods.map((pod) => ({ pod, ranks: ranks(pod), uid: pod.metadata.uid ?? '' }))
  ranked.sort((a, b) => {
    const i = a.ranks.findIndex((rank, index) => rank !== b.ranks[index])
    return i < 0 ? compare(a.uid, b.uid) : (a.ranks[i] ?? 0) - (b.ranks[i] ?? 0)
  })
  return ranked.map(({ pod }) => pod)
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0)
  return Number.isInteger(cost) ? cost : 0
}

/** Ages are compared by order of magnitude, so that pods of about the same age are not always given up in one order. */
function logAge(since: string | null | undefined, nowMs: number): number {
  if (since === undefined || since === null) return 0
  return Math.floor(Math.log2(Math.max(1, (nowMs - Date.parse(since)) / 1000)))
}
