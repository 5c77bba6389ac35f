/** Merges sequences into one, each item as it arrives. Asks each for one item at a time. Those that are left are closed. */
export async function* mergeArriving<T>(iterators: readonly AsyncIterator<T>[]): AsyncGenerator<T> {
  const ask = (iterator: AsyncIterator<T>) => iterator.next().then((result) => ({ iterator, result }))
  const waiting = new Map(iterators.map((iterator) => [iterator, ask(iterator)]))
  try {
    while (waiting.size > 0) {
      const { iterator, result } = await Promise.race(waiting.values())
      if (result.done === true) {
        waiting.delete(iterator)
        continue
      }
      yield result.value
      waiting.set(iterator, ask(iterator))
    }
  } finally {
    for (const [iterator, asked] of waiting) {
      asked.catch(() => {}) // nobody wants it any more
      void iterator.return?.()
    }
  }
}
