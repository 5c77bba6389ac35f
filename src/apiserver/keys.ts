/**
 * Where objects live in the store: `/registry/GROUP/PLURAL[/NAMESPACE]/NAME`, the core group as `core`. No version in
 * it: all versions of a kind are one object, under the group of the one that is stored.
 */
import type { ResourceDef } from '../api/resource.ts'

/** Everything that watch caches follow. */
export const registryPrefix = '/registry/'

/** Bookkeeping of ours that is no API object. */
export const allocationsPrefix = '/sampan/allocations/'

type Stored = Pick<ResourceDef, 'group' | 'plural' | 'storage'>

export const resourcePrefix = ({ group, plural, storage }: Stored): string =>
  `${registryPrefix}${(storage?.group ?? group) || 'core'}/${plural}/`

/** Of a cluster-scoped resource all objects: the path of a Namespace names it as its own namespace. */
export const namespacePrefix = (def: Stored & Pick<ResourceDef, 'namespaced'>, namespace: string): string =>
  namespace === '' || !def.namespaced ? resourcePrefix(def) : `${resourcePrefix(def)}${namespace}/`

export const objectKeyOf = (
  def: Stored & Pick<ResourceDef, 'namespaced'>,
  namespace: string,
  name: string,
): string => namespacePrefix(def, namespace) + name

/** The `resourcePrefix` that a key lies under. */
export function prefixOfKey(key: string): string {
  const group = key.indexOf('/', registryPrefix.length)
  return key.slice(0, key.indexOf('/', group + 1) + 1)
}
