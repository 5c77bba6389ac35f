/** Every object of a resource, parsed once for each of its states: for stages that ask about all of them again and again. */
import type { KubeObject } from '../../api/meta.ts'
import type { CachedObject } from '../cached-object.ts'
import type { WatchCache } from '../watch-cache.ts'

export interface ParsedObjects<T extends KubeObject> {
  /** Only after the cache is ready. Shared: nobody may change what is in it. */
  all(): readonly T[]
}

export function parsedObjects<T extends KubeObject>(cache: WatchCache): ParsedObjects<T> {
  let known = new Map<CachedObject, T>()
  return {
    all() {
      const present = new Map<CachedObject, T>()
      for (const object of cache.range(cache.prefix))
        present.set(object, known.get(object) ?? object.parse<T>())
      known = present
      return [...present.values()]
    },
  }
}
