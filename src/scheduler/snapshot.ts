import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../api/schema/types.gen.ts'
import { controllerOf } from '../api/owner-references.ts'
import { add, amountsOf, podRequests, type Amounts } from './pod-requests.ts'

/** A node and what already runs on it. */
export interface NodeState {
  readonly node: Node
  readonly name: string
  readonly allocatable: Amounts
  /** The sum of the requests of its pods; `pods` counts them. */
  readonly requested: Amounts
  /** As `requested`, with `nominal` for pods that ask for nothing. */
  readonly expected: Amounts
  /** Its pods by the uid of their controller. */
  readonly podsOf: ReadonlyMap<string, number>
}

/** Looks up what a pod's claims lead to. */
export interface Volumes {
  readonly claim: (namespace: string, name: string) => PersistentVolumeClaim | undefined
  readonly volume: (name: string) => PersistentVolume | undefined
  /** Whether the claim gets its volume only when a node is chosen. */
  readonly hasToWait: (claim: PersistentVolumeClaim) => boolean
}

export const noVolumes: Volumes = {
  claim: () => undefined,
  volume: () => undefined,
  hasToWait: () => false,
}

/** Everything a decision looks at. The same snapshot and pod give the same decision. */
export interface Snapshot {
  readonly nodes: readonly NodeState[]
  readonly requestsOf: (pod: Pod) => Amounts
  readonly volumes: Volumes
}

/** What a pod without requests is counted as where nodes are compared, so that such pods spread too (upstream's figures). */
export const nominal: Amounts = { cpu: 100, memory: 200 * 1024 * 1024 }

/** The requests of pods, worked out once for each version of a pod: a snapshot looks at all of them. */
export function requestsMemo(): (pod: Pod) => Amounts {
  const known = new WeakMap<Pod, Amounts>()
  return (pod) => {
    const requests = known.get(pod) ?? podRequests(pod)
    known.set(pod, requests)
    return requests
  }
}

/** Builds the picture from what the caches hold; finished pods take up nothing. */
export function takeSnapshot(
  nodes: readonly Node[],
  pods: readonly Pod[],
  requestsOf: (pod: Pod) => Amounts = requestsMemo(),
  volumes: Volumes = noVolumes,
): Snapshot {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = pod.spec.nodeName
    if (!name || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue
    const list = byNode.get(name)
    if (list) list.push(pod)
    else byNode.set(name, [pod])
  }
  const states = nodes.map((node) => nodeState(node, byNode.get(node.metadata.name ?? '') ?? [], requestsOf))
  return { nodes: states, requestsOf, volumes }
}

function nodeState(node: Node, pods: readonly Pod[], requestsOf: (pod: Pod) => Amounts): NodeState {
  const requested: Record<string, number> = { pods: pods.length }
  const expected: Record<string, number> = {}
  const podsOf = new Map<string, number>()
  for (const pod of pods) {
    const requests = requestsOf(pod)
    add(requested, requests)
    for (const [name, least] of Object.entries(nominal)) add(expected, { [name]: requests[name] ?? least })
    const owner = controllerOf(pod)?.uid
    if (owner !== undefined) podsOf.set(owner, (podsOf.get(owner) ?? 0) + 1)
  }
  const name = node.metadata.name ?? ''
  return { node, name, allocatable: amountsOf(node.status?.allocatable), requested, expected, podsOf }
}
