/**
 * Field selectors (`fieldSelector=` in a URL): terms `field=value`, `field==value` and `field!=value` joined by commas.
 * Backslash escapes `\`, `,` and `=` in values. A field that an object doesn't have counts as empty
 * (apimachinery pkg/fields/selector.go eed236c).
 */
import { badRequest } from './status.ts'

export interface FieldTerm {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** All terms must hold; the empty list selects everything. Sorted as upstream sorts them, by their text. */
export type FieldSelector = readonly FieldTerm[]

/** Throws BadRequest. Whether the fields exist is not asked here. */
export const parseFieldSelector = (text: string): FieldSelector =>
  splitTerms(text)
    .sort()
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text))

export const matchesFields = (
  selector: FieldSelector,
  fieldValue: (field: string) => string | undefined,
): boolean =>
  selector.every(({ field, operator, value }) => ((fieldValue(field) ?? '') === value) === (operator === '='))

/** Parsing it again gives the same selector. */
export const formatFieldSelector = (selector: FieldSelector): string =>
  selector.map(({ field, operator, value }) => field + operator + escapeFieldValue(value)).join(',')

export const escapeFieldValue = (value: string): string => value.replace(/[\\,=]/g, (c) => `\\${c}`)

/** The one value a field must have, if the selector says so: lets a list of one name become a get. */
export const requiredFieldValue = (selector: FieldSelector, field: string): string | undefined =>
  selector.find((term) => term.field === field && term.operator === '=')?.value

const splitTerms = (text: string): string[] => {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

const parseTerm = (term: string, selector: string): FieldTerm => {
  const match = /!=|==|=/.exec(term)
  if (match === null) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`)
  return {
    field: term.slice(0, match.index),
    operator: match[0] === '!=' ? '!=' : '=',
    value: unescapeValue(term.slice(match.index + match[0].length)),
  }
}

const unescapeValue = (text: string): string => {
  let value = ''
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === ',' || char === '=') {
      // Upstream prints the character's number; kept, because it is the message people search for.
      throw badRequest(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`)
    }
    if (char !== '\\') {
      value += char
      continue
    }
    const escaped = text.charAt(++i)
    if (escaped === '' || !'\\,='.includes(escaped)) {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`)
    }
    value += escaped
  }
  return value
}
