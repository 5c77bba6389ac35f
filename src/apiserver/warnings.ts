/** Runes of all texts together, and of each where these are too many (apiserver pkg/endpoints/filters/warning.go eed236c). */
const charactersMax = 4 * 1024
const textCharactersMax = 256

/**
 * What a client should hear of its request, each once, as the header by which clients are told (RFC 7234, 5.5). A text repeats what
 * the client has sent, a field's name for instance: the header stays within what clients take all the same.
 */
export function warningHeader(warnings: readonly string[]): string {
  const texts = [...new Set(warnings)].map((text) => text.replace(/[^ -~]/g, '?'))
  const isTooLong = texts.reduce((sum, { length }) => sum + length, 0) > charactersMax
  let left = charactersMax
  return texts
    .map((text) => (isTooLong ? text.slice(0, textCharactersMax) : text))
    .filter(({ length }) => (left -= length) >= 0)
    .map((text) => `299 - ${JSON.stringify(text)}`)
    .join(', ')
}
