/**
 * Objects in key order, in pieces: whoever inserts one moves the rest of its piece and not of all objects, which with
 * thirty thousand of them took as long as a fifth of a create.
 */
import type { CachedObject } from './cached-object.ts'

/** One that is longer becomes two. Shorter ones would make long lists of pieces, longer ones long moves. */
const pieceObjectsMax = 512

export class SortedObjects {
  /** Each in key order, all keys of one below those of the next. None is empty, unless it is the only one. */
  readonly #pieces: CachedObject[][]
  #size: number

  /** `objects` are in key order. */
  constructor(objects: readonly CachedObject[]) {
    this.#pieces = [objects.slice(0, pieceObjectsMax)]
    for (let at = pieceObjectsMax; at < objects.length; at += pieceObjectsMax)
      this.#pieces.push(objects.slice(at, at + pieceObjectsMax))
    this.#size = objects.length
  }

  get size(): number {
    return this.#size
  }

  find(key: string): CachedObject | undefined {
    const piece = this.#piece(this.#placeOf(key))
    const object = piece[lowerBound(piece, key)]
    return object?.key === key ? object : undefined
  }

  put(object: CachedObject): void {
    const place = this.#placeOf(object.key)
    const piece = this.#piece(place)
    const at = lowerBound(piece, object.key)
    if (piece[at]?.key === object.key) {
      piece[at] = object
      return
    }
    piece.splice(at, 0, object)
    this.#size++
    if (piece.length > pieceObjectsMax) this.#pieces.splice(place + 1, 0, piece.splice(pieceObjectsMax / 2))
  }

  remove(key: string): void {
    const place = this.#placeOf(key)
    const piece = this.#piece(place)
    const at = lowerBound(piece, key)
    if (piece[at]?.key !== key) return
    piece.splice(at, 1)
    this.#size--
    if (piece.length === 0 && this.#pieces.length > 1) this.#pieces.splice(place, 1)
  }

  /** Those whose key starts with `prefix` and is greater than `after`. */
  range(prefix: string, after?: string): CachedObject[] {
    const start = after === undefined || after < prefix ? prefix : `${after}\0`
    // Keys are ASCII: the highest code unit sorts behind whatever may follow the prefix.
    const end = `${prefix}\uffff`
    const first = this.#placeOf(start)
    const last = this.#placeOf(end)
    const head = this.#piece(first)
    if (first >= last) return head.slice(lowerBound(head, start), lowerBound(head, end))
    const tail = this.#piece(last)
    const between = this.#pieces.slice(first + 1, last)
    return head.slice(lowerBound(head, start)).concat(...between, tail.slice(0, lowerBound(tail, end)))
  }

  /** Where a key is, or belongs: the last piece that doesn't begin behind it. */
  #placeOf(key: string): number {
    let low = 0
    let high = this.#pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#piece(middle)[0]?.key ?? '') <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  #piece(place: number): CachedObject[] {
    return this.#pieces[place] ?? []
  }
}

/** The first place in a piece whose key is not below `key`. */
function lowerBound(piece: readonly CachedObject[], key: string): number {
  let low = 0
  let high = piece.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((piece[middle]?.key ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
