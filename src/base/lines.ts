/**
 * Lines of a text in UTF-8 that arrives in pieces, without their newlines; a last one without a newline counts. Throws when one is
 * longer than `lengthMax`, counted in characters.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, lengthMax: number): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > lengthMax) throw new Error(`a line of more than ${lengthMax} characters`)
    yield* lines
  }
  if (rest !== '') yield rest
}
