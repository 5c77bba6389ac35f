/**
 * The one way an object changes: read, change, check, compare and swap; again from the start when somebody was faster.
 * PUT, PATCH, status, scale, binding and the marks of a deletion differ only in `change`.
 */
import { isSameButForTimes } from '../api/apply/managed-entries.ts'
import { copyOf } from '../api/copy.ts'
import { isEqual } from '../api/equal.ts'
import type { KubeObject } from '../api/meta.ts'
import { groupResourceOf, type ResourceDef } from '../api/resource.ts'
import { conflict, invalid, notFound } from '../api/status.ts'
import { validateMetaUpdate } from '../api/validate-meta.ts'
import { isStoreError } from '../store/store.ts'
import { CachedObject, passing } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { recordOwners } from './field-writer.ts'
import { objectKeyOf } from './keys.ts'
import { isRevision, isSet, metadataForUpdate, strategyContext } from './metadata.ts'
import { mayBeStale, presentObject, type Present } from './present.ts'
import { storedForm } from './stored-form.ts'
import { encodeStored } from './wire.ts'

/** Rounds of read, change and swap; upstream gives up a patch after as many conflicts. */
const attemptsMax = 5

export interface UpdateRequest {
  readonly namespace: string
  readonly name: string
  /** As the strategy should see it: empty for the object itself. */
  readonly subresource: string
  readonly dryRun: boolean
  /**
   * Makes the wished-for object of a private copy of the present one. Its resourceVersion, where set, must be the present
   * one. Called again for each attempt. Throws StatusErrors.
   */
  readonly change: (current: KubeObject) => KubeObject
  /** False: the server's own bookkeeping, which no strategy, admission or validation has a say in. */
  readonly isRequested?: boolean
  /** The subresource under which the writer owns what it changes, where the strategy sees another: `scale`. */
  readonly ownedAs?: string
  /** True: `change` has said itself who owns what, as an apply does. */
  readonly isApplied?: boolean
}

export interface Updated {
  /** What is stored now; undefined for a dry run and when the update removed the object. */
  readonly stored: CachedObject | undefined
  readonly object: KubeObject
}

/** Throws NotFound, Conflict, Invalid and whatever `change` throws. */
export async function updateObject(context: VerbContext, request: UpdateRequest): Promise<Updated> {
  const { def } = context
  const key = objectKeyOf(def, request.namespace, request.name)
  // Nothing checks what a dry run comes to.
  let isCertain = request.dryRun
  for (let attempt = 1; ; attempt++) {
    const present = await presentObject(context, key, { isCertain })
    if (!present) throw notFound(groupResourceOf(def), request.name)
    try {
      const updated = await attemptUpdate(context, request, present)
      if (updated) return updated
    } catch (error) {
      if (!mayBeStale(error, present)) {
        if (isStoreError(error, 'missing')) throw notFound(groupResourceOf(def), request.name)
        if (!isStoreError(error, 'conflict')) throw error
        if (attempt >= attemptsMax) throw conflict(groupResourceOf(def), request.name)
      }
    }
    isCertain = true
  }
}

/** Undefined: nothing was to be changed in a state that may be out of date. */
async function attemptUpdate(
  context: VerbContext,
  request: UpdateRequest,
  present: Present,
): Promise<Updated | undefined> {
  const { def, machinery, user, warnings } = context
  const { dryRun, isApplied = false, isRequested = true, subresource, ownedAs = subresource } = request
  const old = present.object.parse<KubeObject>()
  const object = wishedFor(def, request, old)
  if (!isRequested) return swap(context, { present, object, old, dryRun })
  const strategy = strategyContext(machinery, subresource)
  def.applyDefaults?.(object)
  if (!isApplied) recordOwners(context, { object, old, subresource: ownedAs, nowIso: strategy.nowIso })
  def.prepareForUpdate?.(object, old, strategy)
  const admission = { operation: 'update', def, object, old, subresource, user, dryRun, machinery } as const
  return machinery.admission.around(admission, async () => {
    const errors = [
      ...validateMetaUpdate(object.metadata, old.metadata, def),
      ...(def.validate?.(object, old, strategy) ?? []),
    ]
    if (errors.length > 0) throw invalid(def, request.name, errors)
    warnings.push(...(def.warnings?.(object) ?? []))
    return swap(context, { present, object, old, dryRun })
  })
}

function wishedFor(def: ResourceDef, request: UpdateRequest, old: KubeObject): KubeObject {
  // `change` and the strategies write into the copy, never into `old`.
  const changed = request.change(copyOf(old))
  const { resourceVersion: wanted } = changed.metadata
  const { resourceVersion: current = '' } = old.metadata
  if (isRevision(wanted) && wanted !== current) throw conflict(groupResourceOf(def), request.name)
  const metadata =
    request.isRequested === false ? changed.metadata : metadataForUpdate(changed.metadata, old, def)
  const isLax = def.requiresResourceVersionOnUpdate !== true || request.subresource !== ''
  return {
    ...changed,
    metadata: { ...metadata, resourceVersion: isRevision(wanted) || isLax ? current : '' },
  }
}

interface Swap {
  readonly present: Present
  readonly object: KubeObject
  readonly old: KubeObject
  readonly dryRun: boolean
}

async function swap(
  { def, machinery }: VerbContext,
  { present, object, old, dryRun }: Swap,
): Promise<Updated | undefined> {
  const { key, revision } = present.object
  // A write that changes nothing would wake every informer for nothing, and loops of controllers would never rest.
  if (isSameState(object, old)) return present.isCertain ? { stored: present.object, object: old } : undefined
  if (dryRun) return { stored: undefined, object }
  if (isFinished(object) && isSet(old.metadata.deletionTimestamp)) {
    await machinery.store.delete(key, revision)
    return { stored: undefined, object }
  }
  const bytes = storedForm(def, encodeStored(object))
  const ttl = def.ttlMs === undefined ? {} : { ttlMs: def.ttlMs }
  const written = await machinery.store.update(key, bytes, revision, ttl)
  return { stored: new CachedObject(def, key, bytes, written, passing), object }
}

/** Equal but for the times at which owners last wrote. */
function isSameState(a: KubeObject, b: KubeObject): boolean {
  const without = (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, managedFields: undefined },
  })
  return (
    isEqual(without(a), without(b)) &&
    isSameButForTimes(a.metadata.managedFields ?? [], b.metadata.managedFields ?? [])
  )
}

/** Marked for deletion with nothing left that holds it. A pod's grace is its kubelet's to end. */
export const isFinished = (object: KubeObject): boolean =>
  isSet(object.metadata.deletionTimestamp) &&
  (object.metadata.finalizers ?? []).length === 0 &&
  (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
  specFinalizers(object).length === 0

/** A Namespace is also held by `spec.finalizers`. */
export function specFinalizers(object: KubeObject): readonly unknown[] {
  const spec: unknown = 'spec' in object ? object.spec : undefined
  if (object.kind !== 'Namespace' || typeof spec !== 'object' || spec === null) return []
  return 'finalizers' in spec && Array.isArray(spec.finalizers) ? spec.finalizers : []
}
