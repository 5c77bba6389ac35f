/**
 * Text as Go's `%q` writes it: error messages of Kubernetes quote names this way, and clients compare messages.
 */
export const quote = (text: string): string => {
  if (plain.test(text)) return `"${text}"`
  let quoted = '"'
  for (const char of text.toWellFormed()) quoted += quoteChar(char)
  return quoted + '"'
}

/** A list of quoted words: `"a", "b"`. */
export const quoteAll = (words: readonly string[]): string => words.map(quote).join(', ')

const plain = /^[ !#-[\]-~]*$/
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

const quoteChar = (char: string): string => {
  const escape = short[char]
  if (escape !== undefined) return escape
  if (printable.test(char)) return char
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
