/**
 * What is wrong with one field of a request. Validation collects these; `status.ts` `invalid()` turns a list of them
 * into the one `Status` that answers the request. Types and wording are those of Kubernetes
 * (apimachinery pkg/util/validation/field/errors.go eed236c): clients and tests compare them.
 */
import { quote, quoteAll } from './quote.ts'

export type FieldErrorType = keyof typeof wording

export interface FieldError {
  readonly type: FieldErrorType
  /** As built with `paths.ts`: `spec.containers[0].name`. */
  readonly field: string
  /** The offending value as the message shows it; unset where the type of error shows none. */
  readonly shown?: string
  readonly detail: string
}

const wording = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooShort: 'Too short',
  FieldValueTooMany: 'Too many',
  FieldValueTooFew: 'Too few',
  InternalError: 'Internal error',
} as const

/** The message without its field: `Invalid value: -1: must be greater than or equal to 0`. */
export const fieldErrorBody = (error: FieldError): string => {
  const shown = error.shown === undefined ? '' : `: ${error.shown}`
  const detail = error.detail === '' ? '' : `: ${error.detail}`
  return wording[error.type] + shown + detail
}

export const fieldErrorText = (error: FieldError): string => `${error.field}: ${fieldErrorBody(error)}`

/** One error as it is; several, without repetitions, as `[first, second]`. */
export const fieldErrorsText = (errors: readonly FieldError[]): string => {
  const texts = [...new Set(errors.map(fieldErrorText))]
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`
}

/** One constructor for each kind of mistake: `fieldError.required(path, 'name or generateName is required')`. */
export const fieldError = {
  required: (field: string, detail = ''): FieldError => ({ type: 'FieldValueRequired', field, detail }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field,
    shown: showValue(value),
    detail,
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueTypeInvalid',
    field,
    shown: showValue(value),
    detail,
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field,
    shown: showValue(value),
    detail: supported.length === 0 ? '' : `supported values: ${quoteAll(supported)}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field,
    shown: showValue(value),
    detail: '',
  }),
  notFound: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueNotFound',
    field,
    shown: showValue(value),
    detail: '',
  }),
  forbidden: (field: string, detail: string): FieldError => ({ type: 'FieldValueForbidden', field, detail }),
  tooLong: (field: string, lengthMax: number): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    detail: `may not be more than ${count(lengthMax, 'byte')}`,
  }),
  tooShort: (field: string, lengthMin: number): FieldError => ({
    type: 'FieldValueTooShort',
    field,
    detail: `must be at least ${count(lengthMin, 'character')}`,
  }),
  tooMany: (field: string, actual: number, max: number): FieldError => ({
    type: 'FieldValueTooMany',
    field,
    shown: String(actual),
    detail: `must have at most ${count(max, 'item')}`,
  }),
  tooFew: (field: string, actual: number, min: number): FieldError => ({
    type: 'FieldValueTooFew',
    field,
    shown: String(actual),
    detail: `must have at least ${count(min, 'item')}`,
  }),
  internal: (field: string, detail: string): FieldError => ({ type: 'InternalError', field, detail }),
} as const

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** Strings quoted, everything else as JSON with Go's extra escapes. */
const showValue = (value: unknown): string => {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'bigint') return String(value)
  const json = JSON.stringify(value) ?? 'null'
  return json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
