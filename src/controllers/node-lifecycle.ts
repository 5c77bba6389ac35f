import type { Clock } from '../base/clock.ts'
import { isTerminating } from '../api/meta.ts'
import type { Lease, Node, Pod } from '../api/schema/types.gen.ts'
import { findCondition } from '../api/conditions.ts'
import { isEqual } from '../api/equal.ts'
import { isRunOnce } from '../api/run-once.ts'
import { leases } from '../api/resources/leases.ts'
import { nodes } from '../api/resources/nodes.ts'
import { pods } from '../api/resources/pods.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { nodeHealth, type HealthTiming } from './node-health.ts'
import { afterSilence, evictAfterMs, hasToBeReplaced, taintsFor, unheardConditions } from './node-silence.ts'
import { ignoreNotFound, settled, timestamp } from './owned.ts'
import { isPodReady } from './pod-facts.ts'
import { nextPodCIDR } from './pod-cidr.ts'

/**
 * A node unheard of for 10 s is `Unknown`; its pods that may move are deleted, to be made again elsewhere. Kubernetes
 * waits 40 s and then 300 s: a declared deviation (DESIGN.md, "Failure detection").
 */
const timing: HealthTiming = { silentAfterMs: 9_000, confirmMs: 1_000 }

/** Gives each node its block of pod addresses, and notices when a node falls silent and when it is back. */
export function nodeLifecycleController(clock: Clock): ControllerSpec {
  const health = nodeHealth(clock, timing)
  return {
    name: 'node-lifecycle',
    component: 'node-controller',
    watches: nodes,
    triggers: [
      {
        resource: leases,
        keys: ({ metadata }) => (metadata.namespace === leaseNamespace ? [metadata.name ?? ''] : []),
      },
    ],
    reads: [pods],
    workers: 1, // addresses are handed out one at a time
    async reconcile({ name }, context) {
      const node = context.informers.for<Node>(nodes).get('', name)
      if (!node || isTerminating(node)) return health.forget(name)
      if (!node.spec.podCIDR) return assignCIDR(node, context)
      health.hear(name, signOf(node, context))
      const state = health.stateOf(name)
      const marked = state.is === 'silent' ? await markUnknown(node, context) : node
      await setTaints(marked, context)
      if (state.is !== 'silent') return { requeueAfterMs: state.askAgainMs }
      // Nobody could take the pods over, and they may well be alive.
      if (health.isOutage()) return { requeueAfterMs: timing.silentAfterMs }
      return evict(node, state.silentMs, context)
    },
  }
}

const leaseNamespace = 'kube-node-lease'

/** What an agent renews: its lease, and now and then its status. */
function signOf(node: Node, { informers }: ControllerContext): string {
  const lease = informers.for<Lease>(leases).get(leaseNamespace, node.metadata.name ?? '')
  const ready = findCondition(node.status?.conditions, 'Ready')
  return JSON.stringify([
    lease?.metadata.uid,
    lease?.spec.renewTime,
    ready?.lastHeartbeatTime,
    node.metadata.uid,
  ])
}

async function assignCIDR(node: Node, { client, informers }: ControllerContext): Promise<void> {
  const taken = informers
    .for<Node>(nodes)
    .list()
    .flatMap(({ spec }) => spec.podCIDR ?? [])
  const podCIDR = nextPodCIDR(taken)
  if (!podCIDR) throw new Error('every block of pod addresses is taken: delete nodes that are gone')
  const { name = '', resourceVersion } = node.metadata
  const patch = { metadata: { resourceVersion }, spec: { podCIDR, podCIDRs: [podCIDR] } }
  await client.resource<Node>(nodes).patch(name, 'merge', patch)
}

/** Says of every condition that nobody knows. Returns the node as it is then. */
async function markUnknown(node: Node, { client, clock, events }: ControllerContext): Promise<Node> {
  const conditions = unheardConditions(node, timestamp(clock.now().getTime()))
  if (isEqual(conditions, node.status?.conditions)) return node
  const status = { ...node.status, conditions }
  const marked = await client.resource<Node>(nodes).updateStatus({ ...node, status })
  events.record(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`)
  return marked
}

async function setTaints(node: Node, { client, clock }: ControllerContext): Promise<void> {
  const taints = taintsFor(node, timestamp(clock.now().getTime()))
  if (isEqual(taints, node.spec.taints ?? [])) return
  const { name = '', resourceVersion } = node.metadata
  const patch = { metadata: { resourceVersion }, spec: { taints } }
  await client.resource<Node>(nodes).patch(name, 'merge', patch)
}

/** Deletes pods that may move. A pod goes for good only when its agent is back to confirm; until then it is Terminating. */
async function evict(node: Node, silentMs: number, context: ControllerContext) {
  const here = context.informers
    .for<Pod>(pods)
    .list()
    .filter((pod) => pod.spec.nodeName === node.metadata.name)
  const unreadyMs = context.clock.now().getTime()
  await settled(here.filter(isPodReady).map((pod) => markNotReady(pod, unreadyMs, context)))
  const movable = here.filter((pod) => !isTerminating(pod) && hasToBeReplaced(pod))
  const late = movable.filter((pod) => evictAfterMs(pod) <= silentMs)
  const isCertain = !late.some(isRunOnce) || (await isLeaseAsSeen(node, context))
  const due = isCertain ? late : late.filter((pod) => !isRunOnce(pod))
  await settled(due.map((pod) => evictPod(pod, context)))
  const nextMs = Math.min(...movable.map(evictAfterMs).filter((atMs) => atMs > silentMs)) - silentMs
  return { requeueAfterMs: Math.min(nextMs, timing.silentAfterMs) }
}

/** It may be us who hear nothing: of a node that goes on renewing, no pod that runs once is taken away. */
async function isLeaseAsSeen({ metadata }: Node, { client, informers }: ControllerContext): Promise<boolean> {
  const { name = '' } = metadata
  const seen = informers.for<Lease>(leases).get(leaseNamespace, name)
  const where = { namespace: leaseNamespace }
  const lease = await ignoreNotFound(client.resource<Lease>(leases).get(name, where))
  return lease?.metadata.resourceVersion === seen?.metadata.resourceVersion
}

/** Traffic must not go to a pod that nobody hears of. */
async function markNotReady(pod: Pod, nowMs: number, { client, events }: ControllerContext): Promise<void> {
  const status = { ...pod.status, conditions: afterSilence(pod, timestamp(nowMs)) }
  await ignoreNotFound(client.resource<Pod>(pods).updateStatus({ ...pod, status }))
  events.record(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
}

async function evictPod(pod: Pod, { client, events }: ControllerContext): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  events.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`)
  await ignoreNotFound(client.resource<Pod>(pods).delete(name, { namespace, uid }))
}
