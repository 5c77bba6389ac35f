/**
 * Work over many objects, cut into slices of a few milliseconds, so that other requests are answered in between. However many
 * requests have such work, one slice runs in each turn of the event loop.
 *
 *   slice of A ─ turn (sockets, timers, small requests) ─ slice of B ─ turn ─ slice of A …
 */
export interface Slices {
  /** Whether `of` would give them at once. */
  fits<T>(items: readonly T[], costOf: (item: T) => number): boolean
  /** Resolves in a later turn of the loop, when it is this caller's. */
  turn(): Promise<void>
  /**
   * `items` in order, in parts that together cost about a slice: `costOf` gives the bytes that have to be parsed or copied. What is
   * one slice altogether comes at once.
   */
  of<T>(items: readonly T[], costOf: (item: T) => number): AsyncGenerator<readonly T[]>
}

/** Parsing and writing a Table's rows takes 25 ms for each MiB. */
export const sliceBytes = 128 * 1024
/** Of an item that is at hand: looking at a thousand of them takes a fraction of a millisecond. */
export const lookCost = 64

export function createSlices(): Slices {
  const waiting: (() => void)[] = []
  let isArmed = false
  const arm = () => {
    if (isArmed || waiting.length === 0) return
    isArmed = true
    setImmediate(() => {
      isArmed = false
      waiting.shift()?.()
      arm()
    })
  }
  const turn = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve)
      arm()
    })
  return {
    fits: (items, costOf) => sliceEnd(items, 0, costOf) === items.length,
    turn,
    async *of(items, costOf) {
      for (let from = 0; from < items.length;) {
        const end = sliceEnd(items, from, costOf)
        const isWhole = from === 0 && end === items.length
        if (!isWhole) await turn()
        yield isWhole ? items : items.slice(from, end)
        from = end
      }
    },
  }
}

/** Behind the item with which the slice is full: one at least. */
function sliceEnd<T>(items: readonly T[], from: number, costOf: (item: T) => number): number {
  let cost = 0
  for (let at = from; at < items.length; at++) {
    cost += costOf(items[at] as T)
    if (cost >= sliceBytes) return at + 1
  }
  return items.length
}
