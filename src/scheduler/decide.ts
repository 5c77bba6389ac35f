/** Where a pod should run: a pure function of the pod and a snapshot. These two arrays are the policy. */
import type { Pod } from '../api/schema/types.gen.ts'
import { nodeSelector } from './filters/node-selector.ts'
import { ready } from './filters/ready.ts'
import { resources } from './filters/resources.ts'
import { runtimeAvailable } from './filters/runtime-available.ts'
import { sandboxAvailable } from './filters/sandbox-available.ts'
import { taints } from './filters/taints.ts'
import { unschedulable } from './filters/unschedulable.ts'
import { volumes } from './filters/volumes.ts'
import type { Filter, Score } from './policy.ts'
import { leastAllocated } from './scores/least-allocated.ts'
import { preferredAffinity, preferredTaints } from './scores/preferences.ts'
import { spread } from './scores/spread.ts'
import type { NodeState, Snapshot } from './snapshot.ts'

/** The first filter that refuses a node names the reason. */
export const filters: readonly Filter[] = [
  unschedulable,
  ready,
  taints,
  nodeSelector,
  runtimeAvailable,
  sandboxAvailable,
  volumes,
  resources,
]

export const scores: readonly Score[] = [leastAllocated, spread, preferredAffinity, preferredTaints]

export type Decision =
  | { readonly node: string }
  /** A sentence in upstream's form: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
  | { readonly node: undefined; readonly message: string }

export function decide(pod: Pod, snapshot: Snapshot): Decision {
  const reasons = new Map<string, number>()
  const fitting = snapshot.nodes.filter((node) => {
    const problems = firstRefusal(pod, node, snapshot)
    for (const problem of problems) reasons.set(problem, (reasons.get(problem) ?? 0) + 1)
    return problems.length === 0
  })
  if (fitting.length === 0) return { node: undefined, message: refusal(snapshot.nodes.length, reasons) }
  const rated = fitting.map((node) => ({ name: node.name, score: rate(pod, node, snapshot) }))
  const [best] = rated.toSorted((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1))
  return { node: best?.name ?? '' }
}

function firstRefusal(pod: Pod, node: NodeState, snapshot: Snapshot): readonly string[] {
  for (const filter of filters) {
    const problems = filter.admits(pod, node, snapshot)
    if (problems.length > 0) return problems
  }
  return []
}

function rate(pod: Pod, node: NodeState, snapshot: Snapshot): number {
  return scores.reduce((sum, part) => sum + part.weight * part.score(pod, node, snapshot), 0)
}

function refusal(nodeCount: number, reasons: ReadonlyMap<string, number>): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods: join a machine with `sampan join`'
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted()
  return `0/${nodeCount} nodes are available: ${parts.join(', ')}.`
}
