/** A body made by a generator that also ends while it waits: `return()` aborts the signal the generator watches. */
export function endable(
  outer: AbortSignal,
  generate: (signal: AbortSignal) => AsyncGenerator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const ending = new AbortController()
  return {
    [Symbol.asyncIterator]() {
      const generator = generate(AbortSignal.any([outer, ending.signal]))
      return {
        next: () => generator.next(),
        return: () => {
          ending.abort()
          return generator.return(undefined)
        },
      }
    },
  }
}
