/**
 * Label selectors as text, the grammar of `kubectl -l` and of `labelSelector=` in a URL:
 *
 *   selector    = [ requirement *( "," requirement ) ]
 *   requirement = [ "!" ] key | key ( "=" | "==" | "!=" | ">" | "<" ) value | key ( "in" | "notin" ) "(" values ")"
 *
 * `in` and `notin` are words only between a key and its values. Errors are upstream's, word for word
 * (apimachinery pkg/labels/selector.go eed236c).
 */
import { checkQualifiedName } from './names.ts'
import { quote } from './quote.ts'
import {
  newSelector,
  validateRequirement,
  type Operator,
  type Requirement,
  type Selector,
} from './selector.ts'
import { badRequest } from './status.ts'

interface Token {
  readonly type: 'word' | 'symbol' | 'end'
  readonly text: string
}

/** Throws BadRequest. */
export const parseSelector = (text: string): Selector => {
  const tokens = new TokenReader(tokenize(text))
  const requirements: Requirement[] = []
  while (tokens.next.type !== 'end') {
    if (!beginsRequirement(tokens.next)) {
      throw badRequest(`found '${tokens.next.text}', expected: !, identifier, or 'end of string'`)
    }
    requirements.push(parseRequirement(tokens))
    const separator = tokens.take()
    if (separator.type === 'end') break
    if (separator.text !== ',') {
      throw badRequest(`found '${separator.text}', expected: ',' or 'end of string'`)
    }
    if (!beginsRequirement(tokens.next)) {
      throw badRequest(`found '${tokens.next.text}', expected: identifier after ','`)
    }
  }
  return newSelector(requirements)
}

const beginsRequirement = (token: Token): boolean => token.type === 'word' || token.text === '!'

const parseRequirement = (tokens: TokenReader): Requirement => {
  const isNegated = tokens.next.text === '!'
  if (isNegated) tokens.take()
  const key = tokens.take()
  if (key.type !== 'word') throw unable(`found '${key.text}', expected: identifier`)
  const problems = checkQualifiedName(key.text)
  // Upstream has no path for the key and prints the missing one.
  if (problems.length > 0) {
    throw unable(`<nil>: Invalid value: ${quote(key.text)}: ${problems.join('; ')}`)
  }
  const isAlone = tokens.next.type === 'end' || tokens.next.text === ','
  if (isNegated || isAlone) return { key: key.text, operator: isNegated ? '!' : 'exists', values: [] }

  const operator = parseOperator(tokens.take())
  const values = operator === 'in' || operator === 'notin' ? parseValues(tokens) : [parseValue(tokens)]
  const requirement = { key: key.text, operator, values: [...new Set(values)].sort() }
  const [problem] = validateRequirement(requirement)
  if (problem !== undefined) throw unable(problem)
  return requirement
}

const operatorByText: ReadonlyMap<string, Operator> = new Map([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', '='],
  ['==', '=='],
  ['!=', '!='],
  ['>', 'gt'],
  ['<', 'lt'],
])

const parseOperator = (token: Token): Operator => {
  const operator = operatorByText.get(token.text)
  if (operator === undefined) {
    throw unable(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`)
  }
  return operator
}

const parseValue = (tokens: TokenReader): string => {
  if (tokens.next.type === 'end' || tokens.next.text === ',') return ''
  const value = tokens.take()
  if (value.type !== 'word') throw unable(`found '${value.text}', expected: identifier`)
  return value.text
}

/** Empty values are values: `(,a)` has two, `()` one. */
const parseValues = (tokens: TokenReader): readonly string[] => {
  const open = tokens.take()
  if (open.text !== '(') throw unable(`found '${open.text}' expected: '('`)
  const first = tokens.next
  if (first.type !== 'word' && first.text !== ',' && first.text !== ')') {
    throw unable(`found '${first.text}', expected: ',', ')' or identifier`)
  }
  const values: string[] = []
  for (;;) {
    values.push(tokens.next.type === 'word' ? tokens.take().text : '')
    const after = tokens.take()
    if (after.text === ')') return values
    if (after.text !== ',') throw unable(`found '${after.text}', expected: ',' or ')'`)
    if (tokens.next.type !== 'word' && tokens.next.text !== ',' && tokens.next.text !== ')') {
      throw unable(`found '${tokens.next.text}', expected: ',', or identifier`)
    }
  }
}

const unable = (why: string) => badRequest(`unable to parse requirement: ${why}`)

const tokenRegex = /[ \t\r\n]+|==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+/g
const symbolRegex = /^[=!(),<>]/

const tokenize = (text: string): readonly Token[] => {
  const tokens: Token[] = []
  for (const [part] of text.matchAll(tokenRegex)) {
    if (!/^[ \t\r\n]/.test(part))
      tokens.push({ type: symbolRegex.test(part) ? 'symbol' : 'word', text: part })
  }
  return tokens
}

const end: Token = { type: 'end', text: '' }

class TokenReader {
  readonly #tokens: readonly Token[]
  #position = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get next(): Token {
    return this.#tokens[this.#position] ?? end
  }

  take(): Token {
    const token = this.next
    this.#position++
    return token
  }
}
