import { isTerminating } from '../api/meta.ts'
import type { Lease, Node, Pod } from '../api/schema/types.gen.ts'
import { findCondition, setCondition } from '../api/conditions.ts'
import { isEqual } from '../api/equal.ts'
import { leases } from '../api/resources/leases.ts'
import { nodes } from '../api/resources/nodes.ts'
import { pods } from '../api/resources/pods.ts'
import { isNotFound } from '../api/status.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { isPodReady } from './pod-facts.ts'
import { nextPodCIDR } from './pod-cidr.ts'

/**
 * A node unheard of for this long is `Unknown`; its pods that may move are deleted, to be made again elsewhere. Kubernetes
 * waits 40 s and then 300 s: a declared deviation (DESIGN.md, "Failure detection").
 */
export const graceMs = 10_000

const unreachable = 'node.kubernetes.io/unreachable'

/** Gives each node its block of pod addresses, and notices when a node falls silent. */
export const nodeLifecycleController: ControllerSpec = {
  name: 'node-lifecycle',
  watches: nodes,
  triggers: [
    {
      resource: leases,
      keys: ({ metadata }) => (metadata.namespace === 'kube-node-lease' ? [metadata.name ?? ''] : []),
    },
  ],
  workers: 1, // addresses are handed out one at a time
  async reconcile({ name }, context) {
    const node = context.informers.for<Node>(nodes).get('', name)
    if (!node || isTerminating(node)) return
    if (!node.spec.podCIDR) return assignCIDR(node, context)
    const silentMs = silence(node, context)
    if (silentMs < graceMs) return { requeueAfterMs: graceMs - silentMs + 1 }
    await markUnreachable(node, context)
    await evict(node, context)
    return { requeueAfterMs: graceMs }
  },
}

/** Milliseconds since the node was last heard of, by its lease or by its own Ready condition. */
function silence(node: Node, { informers, clock }: ControllerContext): number {
  const lease = informers.for<Lease>(leases).get('kube-node-lease', node.metadata.name ?? '')
  const heartbeat = findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime
  const times = [lease?.spec?.renewTime, heartbeat, node.metadata.creationTimestamp].flatMap(
    (time) => time ?? [],
  )
  return clock.now().getTime() - Math.max(...times.map((time) => Date.parse(time)))
}

async function assignCIDR(node: Node, { client, informers }: ControllerContext): Promise<void> {
  const taken = informers
    .for<Node>(nodes)
    .list()
    .flatMap(({ spec }) => spec.podCIDR ?? [])
  const podCIDR = nextPodCIDR(taken)
  if (!podCIDR) throw new Error('every block of pod addresses is taken: delete nodes that are gone')
  const { name = '', resourceVersion } = node.metadata
  await client
    .resource<Node>(nodes)
    .patch(name, 'merge', { metadata: { resourceVersion }, spec: { podCIDR, podCIDRs: [podCIDR] } })
}

async function markUnreachable(node: Node, context: ControllerContext): Promise<void> {
  const api = context.client.resource<Node>(nodes)
  const nowIso = context.clock.now().toISOString()
  const message = `no sign of life for ${graceMs / 1000} s: is the machine up, and can it reach the API server?`
  let conditions = node.status?.conditions ?? []
  for (const { type } of node.status?.conditions ?? []) {
    conditions = [
      ...setCondition(conditions, { type, status: 'Unknown', reason: 'NodeStatusUnknown', message }, nowIso),
    ]
  }
  if (!isEqual(conditions, node.status?.conditions ?? [])) {
    await api.updateStatus({ ...node, status: { ...node.status, conditions } })
    context.events.record(node, 'Warning', 'NodeNotReady', message)
  }
  const taints = node.spec.taints ?? []
  if (taints.some(({ key, effect }) => key === unreachable && effect === 'NoExecute')) return
  const added = ['NoSchedule', 'NoExecute'].map((effect) => ({
    key: unreachable,
    effect,
    timeAdded: nowIso.replace(/\.\d+Z$/, 'Z'),
  }))
  const kept = taints.filter(({ key }) => key !== unreachable)
  await api.patch(node.metadata.name ?? '', 'merge', { spec: { taints: [...kept, ...added] } })
}

/** Deletes pods that may move. The object goes at once only when the agent is back to confirm; until then it is Terminating. */
async function evict(node: Node, { client, informers }: ControllerContext): Promise<void> {
  const api = client.resource<Pod>(pods)
  const here = informers
    .for<Pod>(pods)
    .list()
    .filter((pod) => pod.spec.nodeName === node.metadata.name)
  for (const pod of here) {
    const { name = '', namespace = '', uid = '' } = pod.metadata
    try {
      if (isPodReady(pod)) await markNotReady(pod, client)
      if (isTerminating(pod) || !mayMove(pod)) continue
      await api.delete(name, { namespace, uid })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** Traffic must not go to a pod that nobody hears of. */
async function markNotReady(pod: Pod, client: ControllerContext['client']): Promise<void> {
  const conditions = (pod.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady' } : condition,
  )
  await client.resource<Pod>(pods).updateStatus({ ...pod, status: { ...pod.status, conditions } })
}

/** Only what a controller will make again elsewhere is taken away, and only if it does not tolerate the silence. */
function mayMove(pod: Pod): boolean {
  const isReplaceable = (pod.metadata.ownerReferences ?? []).some(
    ({ controller, kind }) => controller && kind !== 'DaemonSet',
  )
  const toleratesForever = (pod.spec.tolerations ?? []).some(
    ({ key, effect, tolerationSeconds }) =>
      (key === undefined || key === unreachable) &&
      (effect === undefined || effect === 'NoExecute') &&
      tolerationSeconds === undefined,
  )
  return isReplaceable && !toleratesForever
}
