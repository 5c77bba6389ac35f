/**
 * The scheduler: binds each pending pod to a node, or says on the pod why none will do. A pending pod goes to a queue;
 * one worker takes a snapshot, decides purely (`decide.ts`) and posts a `binding`. Start reading there.
 */
import type { Node, Pod } from '../api/schema/types.gen.ts'
import { findCondition, setCondition } from '../api/conditions.ts'
import { isTerminating, keyOf, splitKey } from '../api/meta.ts'
import { nodes } from '../api/resources/nodes.ts'
import { pods } from '../api/resources/pods.ts'
import { isConflict, isNotFound } from '../api/status.ts'
import { describeError } from '../base/logger.ts'
import type { ControllerContext } from '../client/controller.ts'
import type { Informer } from '../client/informer.ts'
import { workQueue, type WorkQueue } from '../client/workqueue.ts'
import { decide } from './decide.ts'
import { takeSnapshot } from './snapshot.ts'

export const schedulerName = 'default-scheduler'

/** A pod that fits nowhere is looked at again when nodes or pods change, and anyway after this long. */
const retryMs = 30_000
/** Failures of the API: 1 s, 2 s, … 10 s. */
const backoff = { baseMs: 1_000, factor: 2, capMs: 10_000, jitter: 0.2 }

/** Runs until `signal` aborts; resolves when the work in hand is finished. */
export async function runScheduler(context: ControllerContext, signal: AbortSignal): Promise<void> {
  const logger = context.logger.with({ controller: 'scheduler' })
  const queue = workQueue({ ...context, backoff })
  const podInformer = context.informers.for<Pod>(pods)
  const nodeInformer = context.informers.for<Node>(nodes)
  // Bindings that the cache has not shown yet: without them two pods would take the same room.
  const assumed = new Map<string, Pod>()
  const unfit = new Set<string>()

  connect({ podInformer, nodeInformer, queue, assumed, unfit })
  signal.addEventListener('abort', () => queue.shutDown(), { once: true })
  if (signal.aborted) return
  await context.informers.synced()

  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      const pod = podInformer.getByKey(key)
      if (pod && isPending(pod) && !assumed.has(pod.metadata.uid ?? '')) {
        const placed = [
          ...podInformer.list().filter((other) => !assumed.has(other.metadata.uid ?? '')),
          ...assumed.values(),
        ]
        const decision = decide(pod, takeSnapshot(nodeInformer.list(), placed))
        if (decision.node === undefined) {
          unfit.add(key)
          queue.addAfter(key, retryMs)
          await explain(pod, decision.message, context)
        } else await bind(pod, decision.node, assumed, context)
      }
      queue.forget(key)
    } catch (error) {
      if (!signal.aborted) {
        logger.warn('trying again', { key, error: describeError(error) })
        queue.addRateLimited(key)
      }
    } finally {
      queue.done(key)
    }
  }
}

const isPending = (pod: Pod): boolean =>
  !pod.spec.nodeName &&
  (pod.spec.schedulerName ?? schedulerName) === schedulerName &&
  !isTerminating(pod) &&
  (pod.spec.schedulingGates ?? []).length === 0 &&
  (pod.status?.phase ?? 'Pending') === 'Pending'

interface Wiring {
  readonly podInformer: Informer<Pod>
  readonly nodeInformer: Informer<Node>
  readonly queue: WorkQueue
  readonly assumed: Map<string, Pod>
  readonly unfit: Set<string>
}

function connect({ podInformer, nodeInformer, queue, assumed, unfit }: Wiring): void {
  const retryUnfit = () => {
    for (const key of unfit) queue.add(key)
    unfit.clear()
  }
  podInformer.onChange(({ type, object, previous }) => {
    if (type === 'deleted' || object.spec.nodeName) assumed.delete(object.metadata.uid ?? '')
    if (type === 'deleted') unfit.delete(keyOf(object))
    else if (isPending(object) && previous?.metadata.generation !== object.metadata.generation)
      queue.add(keyOf(object))
    if (freesRoom(type, object, previous)) retryUnfit()
  })
  // Its status says every few seconds that a node lives: that makes no room.
  nodeInformer.onChange(({ object, previous }) => {
    if (!previous || matters(object) !== matters(previous)) retryUnfit()
  })
}

const isOver = (pod: Pod | undefined) => pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed'

const freesRoom = (type: string, pod: Pod, previous: Pod | undefined): boolean =>
  type === 'deleted' || (isOver(pod) && !isOver(previous))

const matters = ({ metadata, spec, status }: Node): string =>
  JSON.stringify([
    metadata.labels,
    spec,
    status?.allocatable,
    findCondition(status?.conditions, 'Ready')?.status,
  ])

async function bind(
  pod: Pod,
  node: string,
  assumed: Map<string, Pod>,
  { client, events }: ControllerContext,
): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  assumed.set(uid, { ...pod, spec: { ...pod.spec, nodeName: node } })
  try {
    await client.request({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`,
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      },
    })
  } catch (error) {
    assumed.delete(uid)
    if (isNotFound(error) || isConflict(error)) return // deleted, or bound by somebody else: the informer will tell
    throw error
  }
  events.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`)
}

/** On the pod, for `kubectl get pod -o yaml` and `describe`. Says a thing once. */
async function explain(
  pod: Pod,
  message: string,
  { client, events, clock }: ControllerContext,
): Promise<void> {
  events.record(pod, 'Warning', 'FailedScheduling', message)
  const conditions = setCondition(
    pod.status?.conditions,
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
    clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z'),
  )
  if (conditions === pod.status?.conditions) return
  const { name, namespace } = splitKey(keyOf(pod))
  try {
    await client
      .resource<Pod>(pods)
      .patch(name, 'strategic', { status: { conditions } }, { namespace, subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
