/**
 * The scheduler: binds each pending pod to a node, or says on the pod why none will do. A pending pod goes to a queue;
 * one worker takes a snapshot, decides purely (`decide.ts`) and posts a `binding`. Start reading there.
 *
 *   pending ──▶ queue ──▶ snapshot, decide ──▶ assumed ──binding──▶ bound
 *                 ▲              │
 *                 │            unfit: event and condition on the pod
 *                 └──────────────┘ nodes, pods or volumes changed, or `retryMs` later
 */
import type { Node, Pod } from '../api/schema/types.gen.ts'
import { findCondition, setCondition } from '../api/conditions.ts'
import { isTerminating, keyOf } from '../api/meta.ts'
import { nodes } from '../api/resources/nodes.ts'
import { pods } from '../api/resources/pods.ts'
import { isConflict, isNotFound } from '../api/status.ts'
import { describeError } from '../base/logger.ts'
import type { ControllerContext, LoopContext } from '../client/controller.ts'
import { openEventRecorder } from '../client/events.ts'
import type { Change, Informer } from '../client/informer.ts'
import { allSynced } from '../client/informers.ts'
import { workQueue, type WorkQueue } from '../client/workqueue.ts'
import { decide } from './decide.ts'
import { openClaims, type Claims } from './claims.ts'
import { requestsMemo, takeSnapshot } from './snapshot.ts'

export const schedulerName = 'default-scheduler'

/** A pod that fits nowhere is looked at again when nodes or pods change, and anyway after this long. */
const retryMs = 30_000
/** Failures of the API: 1 s, 2 s, … 10 s. */
const backoff = { baseMs: 1_000, factor: 2, capMs: 10_000, jitter: 0.2 }

/** Runs until `signal` aborts; resolves when the work in hand is finished. */
export async function runScheduler(loop: LoopContext, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await using stack = new AsyncDisposableStack()
  const logger = loop.logger.with({ controller: 'scheduler' })
  const events = stack.use(openEventRecorder({ ...loop, component: schedulerName }))
  const context: ControllerContext = { ...loop, events, logger }
  const state = openState(context)
  const onAbort = () => state.queue.shutDown()
  signal.addEventListener('abort', onAbort, { once: true })
  stack.defer(() => signal.removeEventListener('abort', onAbort))
  for (const disconnect of connect(state)) stack.defer(disconnect)
  try {
    await allSynced(
      [state.podInformer, state.nodeInformer, ...state.claims.informers, state.claims.classes],
      signal,
    )
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  await work(state, context, signal)
}

interface State {
  readonly podInformer: Informer<Pod>
  readonly nodeInformer: Informer<Node>
  readonly claims: Claims
  readonly queue: WorkQueue
  /** Bindings that the cache has not shown yet, by uid: without them two pods would take the same room. */
  readonly assumed: Map<string, Pod>
  /** Keys of pods that fitted nowhere when last looked at. */
  readonly unfit: Set<string>
}

const openState = (context: ControllerContext): State => ({
  podInformer: context.informers.for<Pod>(pods),
  nodeInformer: context.informers.for<Node>(nodes),
  claims: openClaims(context),
  queue: workQueue({ ...context, backoff }),
  assumed: new Map(),
  unfit: new Set(),
})

async function work(state: State, context: ControllerContext, signal: AbortSignal): Promise<void> {
  const { claims, podInformer, queue } = state
  const requestsOf = requestsMemo()
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      const pod = podInformer.getByKey(key)
      if (pod && isPending(pod) && !state.assumed.has(pod.metadata.uid ?? '')) {
        const nodesNow = state.nodeInformer.list()
        const decision = decide(pod, takeSnapshot(nodesNow, placedPods(state), requestsOf, claims))
        if (decision.node === undefined) {
          state.unfit.add(key)
          queue.addAfter(key, retryMs)
          await explain(pod, decision.message, context)
        } else if (await placeVolumes(pod, decision.node, state)) queue.addAfter(key, retryMs)
        else await bind(pod, decision.node, state, context)
      }
      queue.forget(key)
    } catch (error) {
      if (!signal.aborted) {
        const level = isConflict(error) ? 'debug' : 'warn' // bound or changed by somebody else: the cache will tell
        context.logger[level]('trying again', { key, error: describeError(error) })
        queue.addRateLimited(key)
      }
    } finally {
      queue.done(key)
    }
  }
}

/** Answers whether the pod has to wait for volumes: their change brings it back, also one that comes while we say it. */
async function placeVolumes(pod: Pod, node: string, { claims, unfit }: State): Promise<boolean> {
  unfit.add(keyOf(pod))
  const hasToWait = await claims.place(pod, node)
  if (!hasToWait) unfit.delete(keyOf(pod))
  return hasToWait
}

const placedPods = ({ podInformer, assumed }: State): readonly Pod[] => [
  ...podInformer.list().filter(({ metadata }) => !assumed.has(metadata.uid ?? '')),
  ...assumed.values(),
]

const isPending = (pod: Pod): boolean =>
  !pod.spec.nodeName &&
  (pod.spec.schedulerName ?? schedulerName) === schedulerName &&
  !isTerminating(pod) &&
  (pod.spec.schedulingGates ?? []).length === 0 &&
  (pod.status?.phase ?? 'Pending') === 'Pending'

/** From changes to keys. Yields what takes each handler away again. */
function* connect({
  podInformer,
  nodeInformer,
  claims,
  queue,
  assumed,
  unfit,
}: State): Generator<() => void> {
  const retryUnfit = () => {
    for (const key of unfit) queue.add(key)
    unfit.clear()
  }
  yield podInformer.onChange((change) => {
    const { type, object, previous } = change
    if (type === 'deleted' || object.spec.nodeName) assumed.delete(object.metadata.uid ?? '')
    if (type === 'deleted') unfit.delete(keyOf(object))
    else if (isPending(object) && (!previous || !isPending(previous) || hasNewSpec(object, previous)))
      queue.add(keyOf(object))
    if (freesRoom(change)) retryUnfit()
  })
  for (const informer of claims.informers) yield informer.onChange(retryUnfit)
  // Its status says every few seconds that a node lives: that makes no room.
  yield nodeInformer.onChange(({ object, previous }) => {
    if (!previous || matters(object) !== matters(previous)) retryUnfit()
  })
}

/** Our own condition on a pod is no reason to look at it again; a change of what it asks for is. */
const hasNewSpec = (pod: Pod, previous: Pod): boolean =>
  previous.metadata.generation !== pod.metadata.generation

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

const freesRoom = ({ type, object, previous }: Change<Pod>): boolean =>
  type === 'deleted' ? Boolean(object.spec.nodeName) : isOver(object) && !(previous && isOver(previous))

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
  { assumed }: State,
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
    if (isNotFound(error)) return // deleted meanwhile
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
  const nowIso = clock
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }
  const conditions = setCondition(pod.status?.conditions, condition, nowIso)
  if (conditions === pod.status?.conditions) return
  const { name = '', namespace = '', uid } = pod.metadata
  const said = findCondition(conditions, condition.type)
  try {
    await client
      .resource<Pod>(pods)
      .patch(
        name,
        'strategic',
        { metadata: { uid }, status: { conditions: [said] } },
        { namespace, subresource: 'status' },
      )
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
