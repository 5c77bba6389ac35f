import type { Node, Pod } from '../api/schema/types.gen.ts'
import { milliValueOf, parseQuantity, valueOf } from '../api/quantity.ts'

/** Amounts by resource name: `cpu` in thousandths of a core, everything else in its own unit. */
export type Amounts = Readonly<Record<string, number>>

/** A node and what already runs on it. */
export interface NodeState {
  readonly node: Node
  readonly name: string
  readonly allocatable: Amounts
  /** The sum of the requests of its pods; `pods` counts them. */
  readonly requested: Amounts
  readonly pods: readonly Pod[]
}

/** Everything a decision looks at. Immutable: the same snapshot and pod give the same decision. */
export interface Snapshot {
  readonly nodes: readonly NodeState[]
}

/** Builds the picture from what the caches hold; finished pods take up nothing. */
export function takeSnapshot(nodes: readonly Node[], pods: readonly Pod[]): Snapshot {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = pod.spec.nodeName
    if (!name || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue
    const list = byNode.get(name)
    if (list) list.push(pod)
    else byNode.set(name, [pod])
  }
  return { nodes: nodes.map((node) => nodeState(node, byNode.get(node.metadata.name ?? '') ?? [])) }
}

function nodeState(node: Node, pods: readonly Pod[]): NodeState {
  const requested: Record<string, number> = { pods: pods.length }
  for (const pod of pods) {
    for (const [name, amount] of Object.entries(podRequests(pod)))
      requested[name] = (requested[name] ?? 0) + amount
  }
  return {
    node,
    name: node.metadata.name ?? '',
    allocatable: amountsOf(node.status?.allocatable),
    requested,
    pods,
  }
}

/** What a pod needs at once: its containers together or its largest init container, whichever is more, and its overhead. */
export function podRequests(pod: Pod): Amounts {
  const total: Record<string, number> = {}
  const sidecars: Record<string, number> = {}
  const peak: Record<string, number> = {}
  for (const container of pod.spec.containers) add(total, amountsOf(container.resources?.requests))
  for (const container of pod.spec.initContainers ?? []) {
    const amounts = amountsOf(container.resources?.requests)
    if (container.restartPolicy === 'Always') add(sidecars, amounts)
    else
      for (const [name, amount] of Object.entries(amounts))
        peak[name] = Math.max(peak[name] ?? 0, amount + (sidecars[name] ?? 0))
  }
  add(total, sidecars)
  for (const [name, amount] of Object.entries(peak)) total[name] = Math.max(total[name] ?? 0, amount)
  add(total, amountsOf(pod.spec.overhead))
  return total
}

function add(total: Record<string, number>, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) total[name] = (total[name] ?? 0) + amount
}

function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Record<string, number> = {}
  for (const [name, text] of Object.entries(quantities ?? {})) {
    const quantity = parseQuantity(String(text))
    amounts[name] = name === 'cpu' ? milliValueOf(quantity) : valueOf(quantity)
  }
  return amounts
}
