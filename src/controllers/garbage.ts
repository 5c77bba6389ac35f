/**
 * Garbage collection: what belongs to something that is gone goes too. Owners are told apart by uid. Handles the three
 * propagation policies: background (an owner vanished), foreground (it waits for its dependents) and orphan (it lets go
 * of them first).
 */
import { describeError } from '../base/logger.ts'
import { isTerminating, keyOf, type KubeObject, type OwnerReference } from '../api/meta.ts'
import { isNotFound } from '../api/status.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { ControllerContext } from '../client/controller.ts'
import type { Informer } from '../client/informer.ts'
import { workQueue, type WorkQueue } from '../client/workqueue.ts'

const workers = 4
const foreground = 'foregroundDeletion'
const orphan = 'orphan'

interface Collector extends ControllerContext {
  readonly resources: readonly ResourceDef[]
  readonly informerOf: (def: ResourceDef) => Informer<KubeObject>
}

/** Runs until `signal` aborts. `resources` are those that may own or be owned. */
export async function runGarbageCollector(
  resources: readonly ResourceDef[],
  context: ControllerContext,
  signal: AbortSignal,
): Promise<void> {
  const collected = resources.filter(
    ({ verbs, ttlMs }) => verbs.includes('delete') && verbs.includes('watch') && ttlMs === undefined,
  )
  const collector: Collector = {
    ...context,
    logger: context.logger.with({ controller: 'garbage' }),
    resources: collected,
    informerOf: (def) => context.informers.metadata(def),
  }
  const queue = workQueue(context)
  signal.addEventListener('abort', () => queue.shutDown(), { once: true })
  if (signal.aborted) return
  for (const def of collected) observe(def, collector, queue)
  await context.informers.synced()
  await Promise.all(Array.from({ length: workers }, () => work(collector, queue, signal)))
}

function observe(def: ResourceDef, collector: Collector, queue: WorkQueue): void {
  collector.informerOf(def).onChange(({ type, object }) => {
    const { ownerReferences = [], uid = '' } = object.metadata
    if (type === 'deleted') {
      // Its dependents have to look for themselves; so has an owner that waits for this one.
      for (const [dependentDef, dependent] of dependentsOf(uid, collector))
        queue.add(queueKey(dependentDef, dependent))
      for (const owner of ownerReferences) {
        const ownerDef = defFor(owner, collector)
        if (ownerDef) queue.add(`${ownerDef.group}/${ownerDef.plural}|${ownerKey(ownerDef, owner, object)}`)
      }
    } else if (ownerReferences.length > 0 || isWaiting(object)) queue.add(queueKey(def, object))
  })
}

const queueKey = (def: ResourceDef, object: KubeObject) => `${def.group}/${def.plural}|${keyOf(object)}`

const isWaiting = ({ metadata }: KubeObject): boolean =>
  isTerminating({ metadata }) &&
  (metadata.finalizers ?? []).some((name) => name === foreground || name === orphan)

function* dependentsOf(
  uid: string,
  { resources, informerOf }: Collector,
): Generator<readonly [ResourceDef, KubeObject]> {
  for (const def of resources) for (const object of informerOf(def).byIndex('owner', uid)) yield [def, object]
}

const defFor = ({ apiVersion, kind }: OwnerReference, { resources }: Collector): ResourceDef | undefined => {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return resources.find((def) => def.group === group && def.kind === kind)
}

const ownerKey = (def: ResourceDef, owner: OwnerReference, dependent: KubeObject): string =>
  def.namespaced ? `${dependent.metadata.namespace}/${owner.name}` : owner.name

async function work(collector: Collector, queue: WorkQueue, signal: AbortSignal): Promise<void> {
  for (;;) {
    const key = await queue.take()
    if (key === undefined) return
    try {
      await attend(key, collector)
      queue.forget(key)
    } catch (error) {
      if (signal.aborted) return
      collector.logger.warn('trying again', { key, error: describeError(error) })
      queue.addRateLimited(key)
    } finally {
      queue.done(key)
    }
  }
}

async function attend(key: string, collector: Collector): Promise<void> {
  const bar = key.indexOf('|')
  const def = collector.resources.find(({ group, plural }) => `${group}/${plural}` === key.slice(0, bar))
  const object = def && collector.informerOf(def).getByKey(key.slice(bar + 1))
  if (!def || !object) return
  if (isWaiting(object)) return releaseOwner(def, object, collector)
  if (isTerminating(object)) return
  await judge(def, object, collector)
}

type Verdict = 'solid' | 'waiting' | 'dangling'

/** Deletes `object` when none of its owners is left; otherwise drops the references to those that are gone. */
async function judge(def: ResourceDef, object: KubeObject, collector: Collector): Promise<void> {
  const references = object.metadata.ownerReferences ?? []
  if (references.length === 0) return
  const verdicts = await Promise.all(references.map((reference) => lookUp(reference, object, collector)))
  const { name = '', namespace, uid = '' } = object.metadata
  const api = collector.client.resource<KubeObject>(def)
  const where = namespace === undefined ? {} : { namespace }
  if (verdicts.includes('solid')) {
    const gone = references
      .filter((_, i) => verdicts[i] !== 'solid')
      .map((reference) => ({ $patch: 'delete', uid: reference.uid }))
    if (gone.length > 0)
      await tolerateGone(api.patch(name, 'strategic', { metadata: { uid, ownerReferences: gone } }, where))
    return
  }
  // An owner that waits in the foreground wants the whole chain below it gone first.
  const propagationPolicy = verdicts.includes('waiting') ? 'Foreground' : 'Background'
  await tolerateGone(api.delete(name, { ...where, uid, propagationPolicy }))
}

async function lookUp(
  reference: OwnerReference,
  dependent: KubeObject,
  collector: Collector,
): Promise<Verdict> {
  const def = defFor(reference, collector)
  if (!def) return 'solid' // of a kind that isn't served here: nothing can be said of it
  const cached = collector.informerOf(def).getByKey(ownerKey(def, reference, dependent))
  const owner =
    cached?.metadata.uid === reference.uid ? cached : await readOwner(def, reference, dependent, collector)
  if (owner?.metadata.uid !== reference.uid) return 'dangling'
  const isForeground = isTerminating(owner) && owner.metadata.finalizers?.includes(foreground)
  return isForeground ? 'waiting' : 'solid'
}

/** The cache may be behind: nobody's child is deleted before the server itself has said that the owner is gone. */
async function readOwner(
  def: ResourceDef,
  reference: OwnerReference,
  dependent: KubeObject,
  { client }: Collector,
): Promise<KubeObject | undefined> {
  const { namespace } = dependent.metadata
  try {
    return await client
      .resource<KubeObject>(def)
      .get(reference.name, def.namespaced && namespace !== undefined ? { namespace } : {})
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** An owner under deletion: lets its dependents go (orphan) or waits until they are gone (foreground). */
async function releaseOwner(def: ResourceDef, owner: KubeObject, collector: Collector): Promise<void> {
  const { uid = '', finalizers = [] } = owner.metadata
  const dependents = [...dependentsOf(uid, collector)]
  if (finalizers.includes(orphan)) {
    await Promise.all(
      dependents.map(([dependentDef, dependent]) => letGo(dependentDef, dependent, uid, collector)),
    )
    return removeFinalizer(def, owner, orphan, collector)
  }
  const blocking = dependents.filter(([, { metadata }]) =>
    metadata.ownerReferences?.some((one) => one.uid === uid && one.blockOwnerDeletion),
  )
  if (blocking.length === 0) return removeFinalizer(def, owner, foreground, collector)
  for (const [dependentDef, dependent] of dependents) {
    if (!isTerminating(dependent)) await judge(dependentDef, dependent, collector)
  }
}

async function letGo(
  def: ResourceDef,
  dependent: KubeObject,
  ownerUid: string,
  { client }: Collector,
): Promise<void> {
  const { name = '', namespace, uid = '' } = dependent.metadata
  const patch = { metadata: { uid, ownerReferences: [{ $patch: 'delete', uid: ownerUid }] } }
  await tolerateGone(
    client
      .resource<KubeObject>(def)
      .patch(name, 'strategic', patch, namespace === undefined ? {} : { namespace }),
  )
}

async function removeFinalizer(
  def: ResourceDef,
  owner: KubeObject,
  finalizer: string,
  { client }: Collector,
): Promise<void> {
  const { name = '', namespace, resourceVersion, finalizers = [] } = owner.metadata
  // With the revision, so that a finalizer added meanwhile is not lost.
  const patch = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => one !== finalizer) } }
  await tolerateGone(
    client
      .resource<KubeObject>(def)
      .patch(name, 'merge', patch, namespace === undefined ? {} : { namespace }),
  )
}

async function tolerateGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
