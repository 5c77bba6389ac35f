/**
 * JSON as a request body. `JSON.parse` does the work; a scan of our own adds what it does not tell: where a key occurs
 * twice (`fieldValidation` asks for that), how deep the text nests, and an error with Go's wording and an offset.
 */
import { isJsonArray, type JsonValue } from '../json.ts'

/** Deeper text is refused: everything behind the parser recurses. The deepest real objects (schemas in CRDs) stay below 60. */
export const jsonDepthMax = 256
/** Upstream stops collecting here too: a body made of mistakes must not make a long answer. */
export const duplicateCountMax = 100

export class JsonError extends Error {
  override readonly name = 'JsonError'
  /** Index into the text, in UTF-16 units. */
  readonly offset: number

  constructor(problem: string, offset: number) {
    super(`${problem} (at offset ${offset})`)
    this.offset = offset
  }
}

export interface ParsedJson {
  readonly value: JsonValue
  /** `duplicate field "spec.replicas"`, in order, each once. The last value of a repeated key is the one that counts. */
  readonly duplicates: readonly string[]
}

/** Throws `JsonError` for malformed or too deeply nested text. */
export const parseJson = (text: string, options: { findDuplicates: boolean }): ParsedJson => {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (cause) {
    // The engine's message has neither Go's wording nor always a position; ours has both.
    scan(text, [])
    throw new JsonError(cause instanceof Error ? cause.message : String(cause), 0)
  }
  if (!options.findDuplicates && text.length <= jsonDepthMax) return { value, duplicates: [] }
  const colons = checkDepth(text)
  // Each key has its colon: where a value has as many keys, none occurs twice, and nearly always that is all to be said.
  const duplicates: string[] = []
  if (options.findDuplicates && colons !== countKeys(value)) scan(text, duplicates)
  return { value, duplicates }
}

const countKeys = (value: JsonValue): number => {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (isJsonArray(value)) for (const item of value) count += countKeys(item)
  else for (const key in value) count += 1 + countKeys(value[key] ?? null)
  return count
}

/** Only for text that is known to be JSON: brackets outside strings nest properly. Returns how many colons are outside strings. */
const checkDepth = (text: string): number => {
  let depth = 0
  let colons = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quoteCode) at = closingQuote(text, at)
    else if (code === openBrace || code === openBracket) {
      if (++depth > jsonDepthMax) throw tooDeep(at)
    } else if (code === closeBrace || code === closeBracket) depth--
    else if (code === colon) colons++
  }
  return colons
}

const closingQuote = (text: string, open: number): number => {
  let at = text.indexOf('"', open + 1)
  while (at >= 0) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return at
    at = text.indexOf('"', at + 1)
  }
  return text.length
}

const tooDeep = (at: number): JsonError => new JsonError(`exceeded max depth of ${jsonDepthMax}`, at)

const quoteCode = 0x22
const colon = 0x3a
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Reads the whole text as JSON, adds repeated keys to `duplicates`, throws `JsonError` where it stops being JSON. */
const scan = (text: string, duplicates: string[]): void => {
  const scanner = new Scanner(text, duplicates)
  scanner.value('', 0)
  scanner.end()
}

class Scanner {
  readonly #text: string
  readonly #duplicates: string[]
  #at = 0

  constructor(text: string, duplicates: string[]) {
    this.#text = text
    this.#duplicates = duplicates
  }

  value(path: string, depth: number): void {
    if (depth > jsonDepthMax) throw tooDeep(this.#at - 1)
    this.#space()
    const char = this.#text.charAt(this.#at)
    if (char === '{') this.#object(path, depth)
    else if (char === '[') this.#array(path, depth)
    else if (char === '"') this.#string()
    else this.#word(char)
  }

  end(): void {
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value')
  }

  #object(path: string, depth: number): void {
    this.#at++
    this.#space()
    if (this.#take('}')) return
    const seen = new Set<string>()
    for (;;) {
      this.#space()
      if (this.#text.charAt(this.#at) !== '"')
        throw this.#unexpected('looking for beginning of object key string')
      const key = this.#string()
      const keyPath = path === '' ? key : `${path}.${key}`
      if (seen.has(key)) this.#report(keyPath)
      seen.add(key)
      this.#space()
      if (!this.#take(':')) throw this.#unexpected('after object key')
      this.value(keyPath, depth + 1)
      this.#space()
      if (this.#take('}')) return
      if (!this.#take(',')) throw this.#unexpected('after object key:value pair')
    }
  }

  #array(path: string, depth: number): void {
    this.#at++
    this.#space()
    if (this.#take(']')) return
    for (let index = 0; ; index++) {
      this.value(`${path}[${index}]`, depth + 1)
      this.#space()
      if (this.#take(']')) return
      if (!this.#take(',')) throw this.#unexpected('after array element')
    }
  }

  #string(): string {
    const start = this.#at
    const end = closingQuote(this.#text, start)
    this.#at = end + 1
    if (end >= this.#text.length) throw new JsonError('unexpected end of JSON input', this.#text.length)
    const inner = this.#text.slice(start + 1, end)
    if (plainString.test(inner)) return inner
    try {
      return JSON.parse(`"${inner}"`) as string
    } catch {
      // Not swallowed: the engine only said that something in it is wrong, here is where.
      return this.#badString(start + 1, end)
    }
  }

  #badString(start: number, end: number): never {
    for (let at = start; at < end; at++) {
      if (this.#text.charCodeAt(at) < 0x20) throw this.#unexpected('in string literal', at)
      if (this.#text.charCodeAt(at) !== backslash) continue
      at++
      const hex = this.#text.slice(at + 1, at + 5)
      if (this.#text.charAt(at) === 'u') {
        const wrong = hex.search(/[^0-9a-fA-F]/)
        if (wrong >= 0) throw this.#unexpected('in \\u hexadecimal character escape', at + 1 + wrong)
      } else if (!'"\\/bfnrt'.includes(this.#text.charAt(at))) {
        throw this.#unexpected('in string escape code', at)
      }
    }
    throw new JsonError('invalid string literal', start)
  }

  #word(char: string): void {
    const word = literals[char]
    const start = this.#at
    if (word !== undefined) {
      for (let i = 1; i < word.length; i++)
        if (this.#text.charAt(start + i) !== word.charAt(i))
          throw this.#unexpected(`in literal ${word} (expecting '${word.charAt(i)}')`, start + i)
      this.#at += word.length
      return
    }
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
    number.lastIndex = start
    const match = number.exec(this.#text)
    if (!match) {
      if (char === '-') throw this.#unexpected('in numeric literal', start + 1)
      throw this.#unexpected('looking for beginning of value')
    }
    this.#at += match[0].length
    const next = this.#text.charAt(this.#at)
    if (next === '.') throw this.#unexpected('after decimal point in numeric literal', this.#at + 1)
    if (next === 'e' || next === 'E') throw this.#unexpected('in exponent of numeric literal', this.#at + 1)
  }

  #report(path: string): void {
    const message = `duplicate field "${path}"`
    if (this.#duplicates.length < duplicateCountMax && !this.#duplicates.includes(message))
      this.#duplicates.push(message)
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #take(char: string): boolean {
    if (this.#text.charAt(this.#at) !== char) return false
    this.#at++
    return true
  }

  #unexpected(where: string, at = this.#at): JsonError {
    if (at >= this.#text.length) return new JsonError('unexpected end of JSON input', this.#text.length)
    const char = String.fromCodePoint(this.#text.codePointAt(at) ?? 0)
    const shown = char === "'" ? `'\\''` : `'${JSON.stringify(char).slice(1, -1).replace('\\"', '"')}'`
    return new JsonError(`invalid character ${shown} ${where}`, at)
  }
}

// eslint-disable-next-line no-control-regex -- JSON forbids exactly these
const plainString = /^[^\\\u0000-\u001f]*$/

const literals: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' }
