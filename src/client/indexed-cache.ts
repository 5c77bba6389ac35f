import { objectKey, type KubeObject } from '../api/meta.ts'

/** Index name → the values under which an object is found. */
export type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>

/** Objects by key, and by what each index function says of them. */
export interface IndexedCache<T extends KubeObject> {
  readonly get: (namespace: string | undefined, name: string) => T | undefined
  readonly getByKey: (key: string) => T | undefined
  readonly list: () => readonly T[]
  /** The objects for which index function `index` yields `value`. An unknown index is a programming error. */
  readonly byIndex: (index: string, value: string) => readonly T[]
  readonly size: number
}

export interface MutableIndexedCache<T extends KubeObject> extends IndexedCache<T> {
  /** Returns what was there. */
  set(key: string, object: T): T | undefined
  remove(key: string): T | undefined
  keys(): readonly string[]
}

export function indexedCache<T extends KubeObject>(functions: IndexFunctions<T>): MutableIndexedCache<T> {
  const objects = new Map<string, T>()
  // Invariant: an index holds a key under a value exactly while the object at that key yields the value.
  const indexes = new Map(Object.keys(functions).map((name) => [name, new Map<string, Set<string>>()]))
  const eachEntry = (object: T, fn: (index: Map<string, Set<string>>, value: string) => void) => {
    for (const [name, index] of indexes) for (const value of functions[name]?.(object) ?? []) fn(index, value)
  }
  const unindex = (key: string, object: T) =>
    eachEntry(object, (index, value) => {
      const keys = index.get(value)
      keys?.delete(key)
      if (keys?.size === 0) index.delete(value)
    })
  return {
    get: (namespace, name) => objects.get(objectKey(namespace, name)),
    getByKey: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex(index, value) {
      const found = indexes.get(index)
      if (!found) throw new Error(`no index named ${index}`)
      return [...(found.get(value) ?? [])].flatMap((key) => objects.get(key) ?? [])
    },
    get size() {
      return objects.size
    },
    keys: () => [...objects.keys()],
    set(key, object) {
      const previous = objects.get(key)
      if (previous) unindex(key, previous)
      objects.set(key, object)
      eachEntry(object, (index, value) => {
        const keys = index.get(value)
        if (keys) keys.add(key)
        else index.set(value, new Set([key]))
      })
      return previous
    },
    remove(key) {
      const previous = objects.get(key)
      if (!previous) return undefined
      unindex(key, previous)
      objects.delete(key)
      return previous
    },
  }
}
