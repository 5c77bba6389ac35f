/**
 * The end of an object that the store has and nobody can read, as of a Secret whose key is lost. What would hold it is not
 * known, so neither finalizers nor a grace are heard, and it takes a right of its own, both as in Kubernetes since 1.32.
 */
import { apiVersionOf } from '../api/meta.ts'
import { groupResourceOf } from '../api/resource.ts'
import { conflict } from '../api/status.ts'
import { isStoreError, type Revision, type Store } from '../store/store.ts'
import { CachedObject, passing } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { unreadableOption, type DeleteOptions } from './delete-options.ts'
import { authorizeVerb } from './stages/authorize.ts'
import { encodeStored } from './wire.ts'

const unsafeVerb = 'unsafe-delete-ignore-read-errors'

/**
 * Undefined: it was not asked for, or the object can be read and goes as every other does. Only the state that could not be
 * read goes: throws Conflict where another has taken its place, or where the precondition speaks of another; and Forbidden.
 */
export async function deleteUnreadable(
  { def, info, machinery, user }: VerbContext,
  key: string,
  { namespace, name, options }: { namespace: string; name: string; options: DeleteOptions },
): Promise<CachedObject | undefined> {
  if (options[unreadableOption] !== true) return undefined
  const unread = await unreadableRevision(machinery.store, key)
  if (unread === undefined) return undefined
  await authorizeVerb(machinery.access, { user, info, verb: unsafeVerb })
  const refused = (why: string) => conflict(groupResourceOf(def), name, why)
  const wanted = options.preconditions?.resourceVersion
  if (wanted !== undefined && wanted !== String(unread))
    throw refused(
      `Precondition failed: ResourceVersion in precondition: ${wanted}, ResourceVersion in object meta: ${unread}`,
    )
  const { revision } = await machinery.store.delete(key, unread).catch((error: unknown) => {
    if (!isStoreError(error, 'conflict')) throw error
    throw refused('it was replaced while it was to be deleted unread: look at what is there now')
  })
  const stub = {
    kind: def.kind,
    apiVersion: apiVersionOf(def.group, def.version),
    metadata: { name, ...(def.namespaced && { namespace }) },
  }
  return new CachedObject(def, key, encodeStored(stub), revision, passing)
}

/** Of the state that is there and can't be read. */
async function unreadableRevision(store: Store, key: string): Promise<Revision | undefined> {
  try {
    await store.get(key)
    return undefined
  } catch (error) {
    if (!isStoreError(error, 'sealed') || error.revision === undefined) throw error
    return error.revision
  }
}
