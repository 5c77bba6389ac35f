/** Every object of a resource, parsed once for each of its states: for stages that ask about all of them again and again. */
import type { KubeObject } from '../../api/meta.ts'
import type { CachedObject } from '../cached-object.ts'
import { lookCost, type Slices } from '../slices.ts'
import type { WatchCache } from '../watch-cache.ts'

export interface ParsedObjects<T extends KubeObject> {
  /** Those of one moment; many are parsed in slices. Only after the cache is ready. Shared: nobody may change what is in it. */
  all(): Promise<readonly T[]>
}

export function parsedObjects<T extends KubeObject>(cache: WatchCache): ParsedObjects<T> {
  const { parseAll } = parsedOnce<T>()
  return { all: async () => parseAll(cache.slices, cache.range(cache.prefix)) }
}

export interface ParsedOnce<T extends KubeObject> {
  /** In their order. A promise only where they are many: they are parsed in slices. Shared: nobody may change what is in it. */
  readonly parseAll: (
    slices: Slices,
    objects: readonly CachedObject[],
  ) => readonly T[] | Promise<readonly T[]>
}

export function parsedOnce<T extends KubeObject>(): ParsedOnce<T> {
  const known = new WeakMap<CachedObject, T>()
  const costOf = (object: CachedObject) => (known.has(object) ? lookCost : object.bytes.length)
  const parse = (object: CachedObject): T => {
    let parsed = known.get(object)
    if (!parsed) known.set(object, (parsed = object.parse<T>()))
    return parsed
  }
  const inSlices = async (slices: Slices, objects: readonly CachedObject[]): Promise<readonly T[]> => {
    const all: T[] = []
    for await (const part of slices.of(objects, costOf)) for (const object of part) all.push(parse(object))
    return all
  }
  return {
    parseAll: (slices, objects) =>
      slices.fits(objects, costOf) ? objects.map(parse) : inSlices(slices, objects),
  }
}
