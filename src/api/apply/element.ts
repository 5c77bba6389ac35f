/**
 * One step of a field path, as the text that stands in a FieldsV1 document:
 *
 *   f:spec                     a field of an object or a key of a map
 *   k:{"name":"web"}           the item of a list that has these key fields, sorted by name
 *   v:"example.com/keep"       the item of a set, as JSON
 *   i:0                        the item of an atomic list by its place; read, never written
 *
 * Two steps are the same exactly when their texts are: whatever comes from outside goes through `canonicalElement`.
 */
import { isJsonObject, type JsonValue } from '../json.ts'
import { quote } from '../quote.ts'

export type Scalar = string | number | boolean

export const fieldElement = (name: string): string => `f:${name}`

export const valueElement = (value: JsonValue): string => `v:${jsonText(value)}`

/** `keys` must be sorted by name. */
export const keyElement = (keys: readonly (readonly [name: string, value: JsonValue])[]): string =>
  `k:{${keys.map(([name, value]) => `${JSON.stringify(name)}:${jsonText(value)}`).join(',')}}`

/** Undefined for a kind of step that nobody has invented yet, which is to be ignored. Throws an Error for nonsense. */
export function canonicalElement(text: string): string | undefined {
  if (text.startsWith('f:')) return text
  if (text.length < 2) throw new Error(`key must be 2 characters long: ${quote(text)}`)
  if (text[1] !== ':') throw new Error(`missing colon: ${text}`)
  const body = text.slice(2)
  if (text.startsWith('i:')) {
    if (!/^[+-]?\d{1,15}$/.test(body)) throw new Error(`${quote(text)} has no index`)
    return `i:${Number(body)}`
  }
  if (text.startsWith('v:')) return valueElement(parsed(body))
  if (!text.startsWith('k:')) return undefined
  const keys = parsed(body)
  if (!isJsonObject(keys)) throw new Error(`${quote(text)} has no object of key fields`)
  return keyElement(Object.entries(keys).toSorted(([a], [b]) => compareText(a, b)))
}

/** As conflicts name it: `.spec`, `[name="web"]`, `[="x"]`, `[0]`. */
export function elementText(element: string): string {
  const body = element.slice(2)
  if (element.startsWith('f:')) return `.${body}`
  if (element.startsWith('i:')) return `[${body}]`
  const value = parsed(body)
  if (element.startsWith('v:')) return `[=${valueText(value)}]`
  const fields = Object.entries(isJsonObject(value) ? value : {})
  return `[${fields.map(([name, field]) => `${name}=${valueText(field)}`).join(',')}]`
}

export const pathText = (path: readonly string[]): string => path.map(elementText).join('')

/** In the order of a FieldsV1 document: the mark `.`, fields, keyed items, values, indexes. */
export function sortElements(elements: readonly string[]): readonly string[] {
  if (elements.length < 2 || isSorted(elements)) return elements
  return elements
    .map((element) => ({ element, rank: rankOf(element), value: valueOf(element) }))
    .toSorted(compareSteps)
    .map(({ element }) => element)
}

/** Sorts names of fields in that order, where they are. Insertion: most objects have a few, and nearly in order. */
export const inOrder = (names: string[]): readonly string[] => {
  if (names.length > insertionMax) return names.sort(compareText)
  for (let end = 1; end < names.length; end++) {
    const name = names[end] ?? ''
    let at = end
    for (; at > 0 && compareText(names[at - 1] ?? '', name) > 0; at--) names[at] = names[at - 1] ?? ''
    names[at] = name
  }
  return names
}

const insertionMax = 16

/** Fields alone, in order: most sets, and nothing to parse. */
function isSorted(elements: readonly string[]): boolean {
  let before = ''
  for (const element of elements) {
    if (element === '.' ? before !== '' : !element.startsWith('f:') || surrogate.test(element)) return false
    if (before > element) return false
    before = element
  }
  return true
}

interface Step {
  readonly rank: number
  readonly value: JsonValue
}

const ranks = ['.', 'f', 'k', 'v', 'i']
const rankOf = (element: string): number => ranks.indexOf(element[0] ?? '')

const valueOf = (element: string): JsonValue =>
  element.startsWith('f:') || element === '.' ? element : parsed(element.slice(2))

function compareSteps(a: Step, b: Step): number {
  if (a.rank !== b.rank) return a.rank - b.rank
  return isJsonObject(a.value) && isJsonObject(b.value)
    ? compareKeys(a.value, b.value)
    : compareValues(a.value, b.value)
}

function compareKeys(a: Readonly<Record<string, JsonValue>>, b: Readonly<Record<string, JsonValue>>): number {
  const [left, right] = [Object.entries(a), Object.entries(b)]
  for (const [i, [name, value]] of left.entries()) {
    const other = right[i]
    if (!other) return 1
    const order = compareText(name, other[0]) || compareValues(value, other[1])
    if (order !== 0) return order
  }
  return left.length - right.length
}

const typeOrder = ['number', 'string', 'boolean', 'object']

function compareValues(a: JsonValue, b: JsonValue): number {
  const kind = typeOrder.indexOf(typeof a) - typeOrder.indexOf(typeof b)
  if (kind !== 0) return kind
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  return compareText(typeof a === 'string' ? a : jsonText(a), typeof b === 'string' ? b : jsonText(b))
}

const surrogate = /[\ud800-\udfff]/

/** By code points, as Go compares the bytes of UTF-8. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  if (!surrogate.test(a) && !surrogate.test(b)) return a < b ? -1 : 1
  const [left, right] = [Array.from(a), Array.from(b)]
  for (const [i, char] of left.entries()) {
    const order = (char.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? -1)
    if (order !== 0) return order
  }
  return -1
}

/** A value from outside; a bare `-0` and `1.0` become what they mean. */
function parsed(json: string): JsonValue {
  try {
    const value = JSON.parse(json) as JsonValue
    return Object.is(value, -0) ? 0 : value
  } catch (error) {
    throw new Error(`${quote(json)} in a field path is not JSON`, { cause: error })
  }
}

const unsafe = /[<>&\u2028\u2029]/g

/** Go's JSON keeps these characters out of the way of HTML. */
const jsonText = (value: JsonValue): string => {
  const text = JSON.stringify(value)
  return text.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const valueText = (value: JsonValue): string => {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  if (isJsonObject(value))
    return Object.entries(value)
      .map(([name, field]) => `${name}=${valueText(field)}`)
      .join('')
  return JSON.stringify(value)
}
