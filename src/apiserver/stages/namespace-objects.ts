/** The few objects of one resource in a namespace that admission looks at with every write, parsed once for each of their states. */
import type { KubeObject } from '../../api/meta.ts'
import type { ResourceDef } from '../../api/resource.ts'
import type { Foundation } from '../foundation.ts'
import { namespacePrefix } from '../keys.ts'
import { parsedOnce } from './parsed-objects.ts'

export interface NamespaceObjects<T extends KubeObject> {
  /** Shared: nobody may change what is in it. A promise only while they have to be read, or are many. */
  of(machinery: Foundation, namespace: string): readonly T[] | Promise<readonly T[]>
}

export function namespaceObjects<T extends KubeObject>(
  resource: Pick<ResourceDef, 'group' | 'version' | 'plural'>,
): NamespaceObjects<T> {
  const { parseAll } = parsedOnce<T>()
  const none: readonly T[] = []
  return {
    of(machinery, namespace) {
      const def = machinery.findResource(resource.group, resource.version, resource.plural)
      if (!def) return []
      const cache = machinery.cacheOf(def)
      // Most clusters have none of them.
      if (cache.size === 0) return none
      const present = () => parseAll(cache.slices, cache.range(namespacePrefix(def, namespace)))
      return cache.liveRing ? present() : cache.ready().then(present)
    },
  }
}
