/** Objects in key order: an array, because lists read it in order far more often than anything is inserted. */
import type { CachedObject } from './cached-object.ts'

export class SortedObjects {
  readonly #objects: CachedObject[]

  /** Takes over an array that is in key order. */
  constructor(objects: CachedObject[]) {
    this.#objects = objects
  }

  get size(): number {
    return this.#objects.length
  }

  find(key: string): CachedObject | undefined {
    const object = this.#objects[this.#lowerBound(key)]
    return object?.key === key ? object : undefined
  }

  put(object: CachedObject): void {
    const at = this.#lowerBound(object.key)
    if (this.#objects[at]?.key === object.key) this.#objects[at] = object
    else if (at === this.#objects.length) this.#objects.push(object)
    else this.#objects.splice(at, 0, object)
  }

  remove(key: string): void {
    const at = this.#lowerBound(key)
    if (this.#objects[at]?.key === key) this.#objects.splice(at, 1)
  }

  /** Those whose key starts with `prefix` and is greater than `after`. */
  range(prefix: string, after?: string): CachedObject[] {
    // Keys are ASCII: the highest code unit sorts behind whatever may follow the prefix.
    const end = this.#lowerBound(`${prefix}\uffff`)
    const start = this.#lowerBound(after === undefined || after < prefix ? prefix : `${after}\0`)
    return this.#objects.slice(start, end)
  }

  #lowerBound(key: string): number {
    let low = 0
    let high = this.#objects.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#objects[middle]?.key ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
