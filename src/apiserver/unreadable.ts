/**
 * The end of an object that the store has and nobody can read, as of a Secret whose key is lost. What would hold it is not
 * known, so neither finalizers nor a grace are heard, and it takes a right of its own, both as in Kubernetes since 1.32.
 */
import { fieldError, type FieldError } from '../api/field-errors.ts'
import { apiVersionOf } from '../api/meta.ts'
import { isStoreError } from '../store/store.ts'
import { CachedObject, passing } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import type { DeleteOptions, Deletion } from './deletes.ts'
import { authorizeVerb } from './stages/authorize.ts'
import { encodeStored } from './wire.ts'

const unsafeVerb = 'unsafe-delete-ignore-read-errors'
export const unreadableOption = 'ignoreStoreReadErrorWithClusterBreakingPotential'

/** Whatever asks for a look at the object first contradicts the option. */
export function unreadableErrors(options: DeleteOptions): readonly FieldError[] {
  if (options[unreadableOption] !== true) return []
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = options
  const others = { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun }
  return Object.entries(others).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [fieldError.invalid(unreadableOption, true, `cannot be set together with .${name}`)],
  )
}

/** Undefined: it was not asked for, or the object can be read and goes as every other does. Throws Forbidden. */
export async function deleteUnreadable(
  { def, info, machinery, user }: VerbContext,
  key: string,
  { namespace, name, options }: { namespace: string; name: string; options: DeleteOptions },
): Promise<Deletion | undefined> {
  if (options[unreadableOption] !== true) return undefined
  try {
    await machinery.store.get(key)
    return undefined
  } catch (error) {
    if (!isStoreError(error, 'sealed')) throw error
  }
  await authorizeVerb(machinery.access, { user, info, verb: unsafeVerb })
  const { revision } = await machinery.store.delete(key)
  const stub = {
    kind: def.kind,
    apiVersion: apiVersionOf(def.group, def.version),
    metadata: { name, ...(def.namespaced && { namespace }) },
  }
  return { isGone: true, object: new CachedObject(def, key, encodeStored(stub), revision, passing) }
}
