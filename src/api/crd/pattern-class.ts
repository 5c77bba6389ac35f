/** Sets of characters in a pattern of Go's dialect: `[a-z[:digit:]\w]`, `\d`, `\pL`. */
import type { PatternText } from './pattern-text.ts'

export type CharTest = (code: number) => boolean

const within =
  (...ranges: readonly (readonly [number, number])[]): CharTest =>
  (code) =>
    ranges.some(([low, high]) => code >= low && code <= high)

const letters = (text: string): CharTest =>
  within(
    ...(text.match(/../gu)?.map(([a = '', b = '']) => [a.charCodeAt(0), b.charCodeAt(0)] as const) ?? []),
  )

const not =
  (test: CharTest): CharTest =>
  (code) =>
    !test(code)

/** Ranges as pairs of characters. */
const posix: Readonly<Record<string, CharTest>> = {
  alnum: letters('09AZaz'),
  alpha: letters('AZaz'),
  ascii: within([0, 0x7f]),
  blank: letters('\t\t  '),
  cntrl: within([0, 0x1f], [0x7f, 0x7f]),
  digit: letters('09'),
  graph: letters('!~'),
  lower: letters('az'),
  print: letters(' ~'),
  punct: letters('!/:@[`{~'),
  space: letters('\t\r  '),
  upper: letters('AZ'),
  word: letters('09AZaz__'),
  xdigit: letters('09AFaf'),
}

const perl: Readonly<Record<string, CharTest>> = {
  d: letters('09'),
  s: letters('\t\n\f\r  '),
  w: letters('09AZaz__'),
}

/** `\d` and its like, or `\pL`, `\p{Greek}`; undefined when what follows the backslash is none. The backslash is taken. */
export function classEscape(text: PatternText): CharTest | undefined {
  const letter = text.peek()
  const known = perl[letter.toLowerCase()]
  if (known && 'dswDSW'.includes(letter)) {
    text.take()
    return letter === letter.toLowerCase() ? known : not(known)
  }
  if (letter !== 'p' && letter !== 'P') return undefined
  text.take()
  const name = text.peek() === '{' ? text.takeMatch(/\{\^?\w+\}/y).slice(1, -1) : text.take()
  const isNegated = (letter === 'P') !== name.startsWith('^')
  const test = unicodeClass(name.replace('^', ''), text)
  return isNegated ? not(test) : test
}

function unicodeClass(name: string, text: PatternText): CharTest {
  if (name === 'Any') return () => true
  try {
    const expression = new RegExp(`^\\p{${name.length <= 2 ? '' : 'Script='}${name}}$`, 'u')
    return (code) => expression.test(String.fromCodePoint(code))
  } catch (cause) {
    throw text.error(`invalid character class range: \`\\p{${name}}\``, cause)
  }
}

/** What stands between brackets; the opening one is taken. */
export function bracketClass(text: PatternText): CharTest {
  const isNegated = text.skip('^')
  const tests: CharTest[] = []
  for (let isFirst = true; isFirst || text.peek() !== ']'; isFirst = false) {
    if (text.isAtEnd()) throw text.error('missing closing ]')
    const named = text.tryMatch(/\[:(\^?)(\w+):\]/y)
    if (named) {
      const [, caret, name = ''] = named
      const test = Object.hasOwn(posix, name) ? posix[name] : undefined
      if (!test) throw text.error(`invalid character class range: \`${named[0]}\``)
      tests.push(caret === '^' ? not(test) : test)
    } else tests.push(classItem(text))
  }
  text.take()
  const any: CharTest = (code) => tests.some((test) => test(code))
  return isNegated ? not(any) : any
}

function classItem(text: PatternText): CharTest {
  if (text.peek() === '\\') {
    const at = text.at
    text.take()
    const escaped = classEscape(text)
    if (escaped) return escaped
    text.at = at
  }
  const low = classChar(text)
  if (text.peek() !== '-' || text.peek(1) === ']' || text.peek(1) === '') return within([low, low])
  text.take()
  const high = classChar(text)
  if (high < low)
    throw text.error(
      `invalid character class range: \`${String.fromCodePoint(low)}-${String.fromCodePoint(high)}\``,
    )
  return within([low, high])
}

const classChar = (text: PatternText): number => {
  const char = text.take()
  return char === '\\' ? charEscape(text) : (char.codePointAt(0) ?? 0)
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** One character after a backslash. */
export function charEscape(text: PatternText): number {
  const hex = text.tryMatch(/x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/y)
  if (hex) {
    const code = Number.parseInt(hex[1] ?? hex[2] ?? '', 16)
    if (code > 0x10ffff) throw text.error(`invalid escape sequence: \`\\${hex[0]}\``)
    return code
  }
  const octal = text.tryMatch(/0[0-7]{0,2}|[1-7][0-7]{1,2}/y)
  if (octal) return Number.parseInt(octal[0], 8)
  if (text.isAtEnd()) throw text.error('trailing backslash at end of expression')
  const char = text.take()
  const control = Object.hasOwn(controls, char) ? controls[char] : undefined
  if (control !== undefined) return control
  const code = char.codePointAt(0) ?? 0
  if (code > 0x7f || /[0-9A-Za-z]/.test(char)) throw text.error(`invalid escape sequence: \`\\${char}\``)
  return code
}
