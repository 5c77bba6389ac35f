/**
 * Merges sorted sequences into one. Holds one item of each; a sequence is asked for its next item only when its last one has
 * been passed on. Sequences that are not read to their end are closed.
 */
export async function* mergeSorted<T>(
  sources: readonly AsyncIterable<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  const heads: { value: T; readonly iterator: AsyncIterator<T> }[] = []
  try {
    const firsts = iterators.map(async (iterator) => ({ iterator, first: await iterator.next() }))
    for (const { iterator, first } of await Promise.all(firsts))
      if (first.done !== true) heads.push({ value: first.value, iterator })
    heads.sort((a, b) => compare(a.value, b.value))
    for (let first = heads.shift(); first; first = heads.shift()) {
      yield first.value
      const { done, value } = await first.iterator.next()
      if (done === true) continue
      const next = { value, iterator: first.iterator }
      const place = heads.findIndex((head) => compare(value, head.value) < 0)
      if (place < 0) heads.push(next)
      else heads.splice(place, 0, next)
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.()
  }
}
