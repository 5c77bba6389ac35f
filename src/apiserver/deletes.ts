/**
 * The one way an object goes: at once, or marked first. What marks it: a grace period (the node ends the pod and deletes
 * again with grace 0), finalizers (whoever owns them removes them), a namespace's content.
 *
 *   live ──DELETE──▶ gone                                nothing holds it
 *   live ──DELETE──▶ marked ──DELETE, grace 0──▶ gone    grace period
 *   live ──DELETE──▶ marked ──last finalizer removed──▶ gone
 */
import type { KubeObject } from '../api/meta.ts'
import { groupResourceOf, type ResourceDef } from '../api/resource.ts'
import { conflict, isConflict, notFound, type StatusError } from '../api/status.ts'
import { isStoreError } from '../store/store.ts'
import type { CachedObject } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import type { DeleteOptions } from './delete-options.ts'
import { objectKeyOf } from './keys.ts'
import { isoSeconds, isSet } from './metadata.ts'
import { mayBeStale, presentObject } from './present.ts'
import { deleteUnreadable } from './unreadable.ts'
import { specFinalizers, updateObject } from './updates.ts'

const attemptsMax = 5

export interface Deletion {
  /** True when nothing is left. */
  readonly isGone: boolean
  /** The last state, or the marked one. */
  readonly object: CachedObject
}

export async function deleteObject(
  context: VerbContext,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: DeleteOptions,
): Promise<Deletion> {
  const { def } = context
  const key = objectKeyOf(def, namespace, name)
  const unreadable = await deleteUnreadable(context, key, { namespace, name, options })
  if (unreadable) return { isGone: true, object: unreadable }
  const dryRun = (options.dryRun ?? []).length > 0
  let isCertain = dryRun
  for (let attempt = 1; ; attempt++) {
    const present = await presentObject(context, key, { isCertain })
    if (!present) throw notFound(groupResourceOf(def), name)
    const object = present.object.parse<KubeObject>()
    const refusal = unmetPrecondition(def, object, options)
    if (refusal && present.isCertain) throw refusal
    const target = { namespace, name, dryRun, present: present.object, object }
    try {
      if (!refusal) return await attemptDelete(context, target, options)
    } catch (error) {
      if (!mayBeStale(error, present)) {
        if (isStoreError(error, 'missing')) throw notFound(groupResourceOf(def), name)
        if (!isStoreError(error, 'conflict') && !isConflict(error)) throw error
        if (attempt >= attemptsMax) throw conflict(groupResourceOf(def), name)
      }
    }
    isCertain = true
  }
}

async function attemptDelete(
  context: VerbContext,
  target: Target,
  options: DeleteOptions,
): Promise<Deletion> {
  const { def, machinery, user } = context
  const { dryRun, object, present } = target
  const marked = mark(def, object, options, machinery.clock.now())
  const operation = 'delete'
  const admission = { operation, def, object, old: object, subresource: '', user, dryRun, machinery } as const
  return machinery.admission.around(admission, async () => {
    if (marked !== 'gone') return keepMarked(context, { ...target, marked })
    if (dryRun) return { isGone: true, object: present }
    const { revision } = await machinery.store.delete(present.key, present.revision)
    return { isGone: true, object: present.at(revision) }
  })
}

interface Target {
  readonly namespace: string
  readonly name: string
  readonly dryRun: boolean
  readonly present: CachedObject
  /** What it says. */
  readonly object: KubeObject
}

interface Marking extends Target {
  readonly marked: KubeObject
}

async function keepMarked(
  context: VerbContext,
  { dryRun, marked, name, namespace, present }: Marking,
): Promise<Deletion> {
  // `marked` carries the revision it was made from: a race is a conflict, and the caller decides again.
  const { stored } = await updateObject(context, {
    namespace,
    name,
    dryRun,
    subresource: '',
    change: () => marked,
    isRequested: false,
  })
  return { isGone: false, object: stored ?? present }
}

function unmetPrecondition(
  def: ResourceDef,
  { metadata }: KubeObject,
  { preconditions }: DeleteOptions,
): StatusError | undefined {
  const refuse = (what: string, wanted: string, found = '') => {
    const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`
    return conflict(groupResourceOf(def), metadata.name ?? '', why)
  }
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid !== undefined && uid !== metadata.uid) return refuse('UID', uid, metadata.uid)
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    return refuse('ResourceVersion', resourceVersion, metadata.resourceVersion)
  return undefined
}

/** The object as it waits for its end, or `gone` when nothing holds it. Pure. */
export function mark(
  def: ResourceDef,
  object: KubeObject,
  options: DeleteOptions,
  now: Date,
): KubeObject | 'gone' {
  const { metadata } = object
  const finalizers = finalizersFor(metadata.finalizers ?? [], options)
  const wasMarked = isSet(metadata.deletionTimestamp)
  const before = wasMarked ? (metadata.deletionGracePeriodSeconds ?? 0) : undefined
  const wished = graceOf(def, object, options)
  // A later delete may shorten the grace, never lengthen it.
  const grace = before === undefined ? wished : Math.min(before, wished)
  const isHeld = grace > 0 || finalizers.length > 0 || specFinalizers(object).length > 0
  if (!isHeld) return 'gone'
  const { finalizers: _, ...kept } = metadata
  const isChanged = grace !== before
  const marked = {
    ...object,
    metadata: {
      ...kept,
      ...(finalizers.length > 0 && { finalizers }),
      ...(isChanged && {
        deletionTimestamp: isoSeconds(new Date(now.getTime() + grace * 1_000)),
        deletionGracePeriodSeconds: grace,
      }),
      ...(!wasMarked && (metadata.generation ?? 0) > 0 && { generation: (metadata.generation ?? 0) + 1 }),
    },
  }
  return specFinalizers(object).length > 0 ? { ...marked, ...terminating(object) } : marked
}

const terminating = (object: KubeObject) => ({
  status: {
    ...('status' in object && typeof object.status === 'object' ? object.status : {}),
    phase: 'Terminating',
  },
})

function graceOf(def: ResourceDef, object: KubeObject, { gracePeriodSeconds: asked }: DeleteOptions): number {
  if (!def.gracePeriodSeconds) return 0
  const own = def.gracePeriodSeconds(object)
  // A kind that says 0 for this object (a pod without a node, or finished) has nobody who would end a grace.
  if (own === 0 || asked === undefined) return own
  return asked < 0 ? 1 : asked
}

function finalizersFor(
  present: readonly string[],
  { propagationPolicy, orphanDependents }: DeleteOptions,
): readonly string[] {
  const policy =
    propagationPolicy ??
    (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background')
  if (policy === undefined) return present
  const others = present.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion')
  if (policy === 'Orphan') return [...others, 'orphan']
  return policy === 'Foreground' ? [...others, 'foregroundDeletion'] : others
}
