/** The grammar of Go's regular expressions (RE2): no look-around, no references back, so that matching takes linear time. */
import { bracketClass, charEscape, classEscape, type CharTest } from './pattern-class.ts'
import { PatternText } from './pattern-text.ts'

export type Place = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word-edge' | 'no-word-edge'

export type Node =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  /** `max` Infinity: as often as may be. */
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

/** Go's bound for `{n}`. */
const repeatMax = 1_000
/** Everything here recurses; Go has the same bound. */
const nestingMax = 1_000

interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
}

/** Throws an Error that says what is wrong, in Go's words. */
export function parsePattern(pattern: string): Node {
  const parser = new Parser(new PatternText(pattern))
  return parser.whole()
}

class Parser {
  readonly #text: PatternText
  #flags: Flags = { i: false, m: false, s: false }
  #depth = 0

  constructor(text: PatternText) {
    this.#text = text
  }

  whole(): Node {
    const node = this.#choice()
    if (!this.#text.isAtEnd()) throw this.#text.error('unexpected )')
    return node
  }

  #choice(): Node {
    if (++this.#depth > nestingMax) throw this.#text.error('expression nests too deeply')
    const nodes = [this.#sequence()]
    while (this.#text.skip('|')) nodes.push(this.#sequence())
    this.#depth--
    return nodes.length === 1 && nodes[0] ? nodes[0] : { kind: 'choice', nodes }
  }

  #sequence(): Node {
    const nodes: Node[] = []
    for (
      let next = this.#text.peek();
      next !== '' && next !== '|' && next !== ')';
      next = this.#text.peek()
    ) {
      if (this.#text.skip('\\Q')) nodes.push(...this.#quoted())
      else nodes.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', nodes }
  }

  #quoted(): Node[] {
    const nodes: Node[] = []
    while (!this.#text.isAtEnd() && !this.#text.skip('\\E'))
      nodes.push(this.#literal(this.#text.take().codePointAt(0) ?? 0))
    return nodes
  }

  #repeated(node: Node): Node {
    const found = this.#text.tryMatch(/[*+?]|\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/y)
    if (!found) return node
    this.#text.skip('?') // lazy: the same strings match
    if (this.#text.tryMatch(/[*+?]|\{\d+(?:,\d*)?\}/y))
      throw this.#text.error('invalid nested repetition operator')
    const [operator, low, comma, high] = found
    if (operator === '*') return { kind: 'repeat', node, min: 0, max: Infinity }
    if (operator === '+') return { kind: 'repeat', node, min: 1, max: Infinity }
    if (operator === '?') return { kind: 'repeat', node, min: 0, max: 1 }
    const min = Number(low)
    const max = comma === undefined ? min : high === undefined ? Infinity : Number(high)
    if (min > repeatMax || (max !== Infinity && max > repeatMax) || max < min)
      throw this.#text.error(`invalid repeat count: \`${operator}\``)
    return { kind: 'repeat', node, min, max }
  }

  #atom(): Node {
    const char = this.#text.take()
    const { m, s } = this.#flags
    switch (char) {
      case '(':
        return this.#group()
      case '[':
        return this.#char(bracketClass(this.#text))
      case '.':
        return { kind: 'char', test: s ? () => true : (code) => code !== newline }
      case '^':
        return { kind: 'place', place: m ? 'line-start' : 'text-start' }
      case '$':
        return { kind: 'place', place: m ? 'line-end' : 'text-end' }
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw this.#text.error(`missing argument to repetition operator: \`${char}\``)
      default:
        return this.#literal(char.codePointAt(0) ?? 0)
    }
  }

  #escape(): Node {
    const place = places[this.#text.peek()]
    if (place) {
      this.#text.take()
      return { kind: 'place', place }
    }
    const test = classEscape(this.#text)
    return test ? this.#char(test) : this.#literal(charEscape(this.#text))
  }

  /** Flags hold to the end of the group they are set in. */
  #group(): Node {
    const before = this.#flags
    const set = this.#text.tryMatch(/\?([ims]*)(?:-([imsU]+))?([:)])/y)
    if (set) {
      const [, on = '', off = '', end] = set
      const flag = (name: 'i' | 'm' | 's') => (on.includes(name) || before[name]) && !off.includes(name)
      this.#flags = { i: flag('i'), m: flag('m'), s: flag('s') }
      if (end === ')') return { kind: 'sequence', nodes: [] }
    } else if (this.#text.peek() === '?' && !this.#text.tryMatch(/\?P?<\w+>/y)) {
      throw this.#text.error('invalid or unsupported Perl syntax: `(?`')
    }
    const node = this.#choice()
    if (!this.#text.skip(')')) throw this.#text.error('missing closing )')
    this.#flags = before
    return node
  }

  #literal(code: number): Node {
    return this.#char((other) => other === code)
  }

  #char(test: CharTest): Node {
    return { kind: 'char', test: this.#flags.i ? withoutCase(test) : test }
  }
}

const newline = 10

const places: Readonly<Record<string, Place>> = {
  A: 'text-start',
  z: 'text-end',
  b: 'word-edge',
  B: 'no-word-edge',
}

const withoutCase =
  (test: CharTest): CharTest =>
  (code) => {
    const char = String.fromCodePoint(code)
    return test(code) || test(codeOf(char.toLowerCase())) || test(codeOf(char.toUpperCase()))
  }

const codeOf = (text: string): number => text.codePointAt(0) ?? 0
