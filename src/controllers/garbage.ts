/**
 * Garbage collection: what belongs to something that is gone goes too. Owners are told apart by uid. Handles the three
 * propagation policies: background (an owner vanished), foreground (it waits for its dependents) and orphan (it lets go
 * of them first). Rules as in kubernetes pkg/controller/garbagecollector.
 *
 * Every decision is taken on the caches, and every write carries the revision it was decided on: a cache that is behind
 * costs a conflict and another look, never an object.
 */
import { describeError } from '../base/logger.ts'
import { isTerminating, keyOf, type KubeObject, type OwnerReference } from '../api/meta.ts'
import { isConflict } from '../api/status.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { LoopContext } from '../client/controller.ts'
import type { Change } from '../client/informer.ts'
import { allSynced } from '../client/informers.ts'
import { workQueue, type WorkQueue } from '../client/workqueue.ts'
import { findOwner, graphOf, type Graph, type GraphNode } from './garbage-graph.ts'
import { ignoreNotFound, settled } from './owned.ts'

const workers = 4
const foreground = 'foregroundDeletion'
const orphan = 'orphan'

interface Collector extends LoopContext {
  readonly graph: Graph
}

/** Runs until `signal` aborts. `resources` are those that may own or be owned. */
export async function runGarbageCollector(
  resources: readonly ResourceDef[],
  context: LoopContext,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  using stack = new DisposableStack()
  const graph = graphOf(resources, context.informers)
  const logger = context.logger.with({ controller: 'garbage' })
  const collector = { ...context, logger, graph }
  const queue = workQueue(context)
  const onAbort = () => queue.shutDown()
  signal.addEventListener('abort', onAbort, { once: true })
  stack.defer(() => signal.removeEventListener('abort', onAbort))
  for (const def of graph.resources) {
    const handler = (change: Change<KubeObject>) => {
      for (const node of concerned(def, change, graph)) queue.add(graph.keyOf(node))
    }
    stack.defer(graph.informerOf(def).onChange(handler))
  }
  try {
    await allSynced(graph.resources.map(graph.informerOf), signal)
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  await Promise.all(Array.from({ length: workers }, () => work(collector, queue, signal)))
}

/** Who has to look again after a change: the object itself, its dependents, and owners that may have waited for it. */
function* concerned(
  def: ResourceDef,
  { type, object, previous }: Change<KubeObject>,
  graph: Graph,
): Generator<GraphNode> {
  const { ownerReferences = [], uid = '' } = object.metadata
  if (type === 'deleted') yield* graph.dependentsOf(uid)
  else if (ownerReferences.length > 0 || isWaiting(object)) yield { def, object }
  const kept = type === 'deleted' ? [] : ownerReferences
  for (const reference of previous?.metadata.ownerReferences ?? []) {
    const isKept = kept.some(
      (one) => one.uid === reference.uid && one.blockOwnerDeletion === reference.blockOwnerDeletion,
    )
    const owner = isKept ? undefined : graph.cachedOwner(reference, object)
    if (owner) yield owner
  }
}

/** Under deletion, and held back for its dependents' sake. */
const isWaiting = ({ metadata }: KubeObject): boolean =>
  isTerminating({ metadata }) &&
  (metadata.finalizers ?? []).some((name) => name === foreground || name === orphan)

async function work(collector: Collector, queue: WorkQueue, signal: AbortSignal): Promise<void> {
  for (;;) {
    const key = await queue.take()
    if (key === undefined) return
    try {
      const node = collector.graph.find(key)
      if (node) await attend(node, collector)
      queue.forget(key)
    } catch (error) {
      if (signal.aborted) return
      const level = isConflict(error) ? 'debug' : 'warn' // a newer object is on its way
      collector.logger[level]('trying again', { key, error: describeError(error) })
      queue.addRateLimited(key)
    } finally {
      queue.done(key)
    }
  }
}

async function attend(node: GraphNode, collector: Collector): Promise<void> {
  if (isWaiting(node.object)) return releaseOwner(node, collector)
  if (!isTerminating(node.object)) await judge(node, collector)
}

/** `solid`: there; `waiting`: there, and wants its dependents gone first; `dangling`: gone. */
type Verdict = 'solid' | 'waiting' | 'dangling'

/** Deletes an object when none of its owners is left; otherwise drops the references to those that are gone. */
async function judge(node: GraphNode, collector: Collector): Promise<void> {
  const { finalizers = [], ownerReferences = [], uid = '' } = node.object.metadata
  if (ownerReferences.length === 0) return
  const verdicts = await Promise.all(
    ownerReferences.map((reference) => lookUp(reference, node.object, collector)),
  )
  if (verdicts.includes('solid')) {
    const solid = ownerReferences.filter((_, i) => verdicts[i] === 'solid')
    if (solid.length < ownerReferences.length) await setOwners(node, solid, collector)
    return
  }
  const hasDependents = !collector.graph.dependentsOf(uid).next().done
  // An owner that waits in the foreground wants the whole chain below it gone first.
  if (verdicts.includes('waiting') && hasDependents) return remove(node, 'Foreground', collector)
  // Whoever put a finalizer there before the deletion has chosen how it should go on.
  const chosen = finalizers.includes(orphan)
    ? 'Orphan'
    : finalizers.includes(foreground)
      ? 'Foreground'
      : undefined
  await remove(node, chosen ?? 'Background', collector)
}

async function lookUp(
  reference: OwnerReference,
  dependent: KubeObject,
  { client, graph }: Collector,
): Promise<Verdict> {
  const owner = await findOwner(reference, dependent, { client, graph })
  if (owner === 'unknowable') return 'solid'
  if (!owner) return 'dangling'
  const isForeground = isTerminating(owner) && owner.metadata.finalizers?.includes(foreground)
  return isForeground ? 'waiting' : 'solid'
}

/** An owner under deletion: lets its dependents go (orphan) or waits until they are gone (foreground). */
async function releaseOwner(owner: GraphNode, collector: Collector): Promise<void> {
  const { uid = '', finalizers = [], ownerReferences = [] } = owner.object.metadata
  const dependents = [...collector.graph.dependentsOf(uid)]
  if (finalizers.includes(orphan)) {
    await settled(dependents.map((dependent) => letGo(dependent, uid, collector)))
    return removeFinalizer(owner, orphan, collector)
  }
  // One that waits for the owner's own end, in a circle, would wait for ever.
  const isCircle = ({ object }: GraphNode) => ownerReferences.some((one) => one.uid === object.metadata.uid)
  const isBlocking = ({ object }: GraphNode) =>
    object.metadata.ownerReferences?.some((one) => one.uid === uid && one.blockOwnerDeletion)
  if (!dependents.some((one) => isBlocking(one) && !isCircle(one)))
    return removeFinalizer(owner, foreground, collector)
  await settled(
    dependents.filter(({ object }) => !isTerminating(object)).map((dependent) => judge(dependent, collector)),
  )
}

function letGo(dependent: GraphNode, ownerUid: string, collector: Collector): Promise<void> {
  const references = dependent.object.metadata.ownerReferences ?? []
  return setOwners(
    dependent,
    references.filter(({ uid }) => uid !== ownerUid),
    collector,
  )
}

const setOwners = (
  node: GraphNode,
  ownerReferences: readonly OwnerReference[],
  collector: Collector,
): Promise<void> => patchMetadata(node, { ownerReferences }, collector)

const removeFinalizer = (node: GraphNode, finalizer: string, collector: Collector): Promise<void> => {
  const finalizers = (node.object.metadata.finalizers ?? []).filter((one) => one !== finalizer)
  return patchMetadata(node, { finalizers }, collector)
}

/** Lists are replaced whole, which every kind's patch can do; the revision keeps what others added meanwhile. */
async function patchMetadata(
  { def, object }: GraphNode,
  change:
    | { readonly ownerReferences: readonly OwnerReference[] }
    | { readonly finalizers: readonly string[] },
  { client }: Collector,
): Promise<void> {
  const { name = '', namespace, resourceVersion, uid } = object.metadata
  const patch = { metadata: { uid, resourceVersion, ...change } }
  const where = namespace === undefined ? {} : { namespace }
  await ignoreNotFound(client.resource<KubeObject>(def).patch(name, 'merge', patch, where))
}

async function remove(
  { def, object }: GraphNode,
  propagationPolicy: 'Foreground' | 'Background' | 'Orphan',
  { client, logger }: Collector,
): Promise<void> {
  const { name = '', namespace, resourceVersion = '', uid = '' } = object.metadata
  logger.debug('deleting', { resource: def.plural, key: keyOf(object), propagationPolicy })
  const where = namespace === undefined ? {} : { namespace }
  // With the revision: had somebody let it go meanwhile, it must stay.
  const options = { ...where, uid, resourceVersion, propagationPolicy }
  await ignoreNotFound(client.resource<KubeObject>(def).delete(name, options))
}
