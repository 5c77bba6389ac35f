/** The query of `GET …/pods/NAME/log`, as both the API server and the node read it. Pure. */
import { fieldError, type FieldError } from '../field-errors.ts'

export interface LogOptions {
  readonly container?: string
  readonly follow: boolean
  readonly previous: boolean
  readonly timestamps: boolean
  readonly tailLines?: number
  readonly limitBytes?: number
  readonly sinceSeconds?: number
  readonly sinceTime?: Date
}

export interface ParsedLogOptions {
  readonly options: LogOptions
  readonly errors: readonly FieldError[]
}

export function parseLogOptions(query: URLSearchParams): ParsedLogOptions {
  const errors: FieldError[] = []
  const count = (name: string, min: number, rule: string) => {
    const text = query.get(name)
    if (text === null || text === '') return {}
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < min) errors.push(fieldError.invalid(name, text, rule))
    return { [name]: value }
  }
  const container = query.get('container')
  const since = query.get('sinceTime')
  const sinceTime = since ? new Date(since) : undefined
  if (sinceTime && Number.isNaN(sinceTime.getTime()))
    errors.push(fieldError.invalid('sinceTime', since, 'must be an RFC 3339 time'))
  if (sinceTime && query.get('sinceSeconds'))
    errors.push(
      fieldError.forbidden('sinceSeconds', 'at most one of `sinceTime` or `sinceSeconds` may be specified'),
    )
  const options: LogOptions = {
    ...(container && { container }),
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    ...count('tailLines', 0, 'must be greater than or equal to 0'),
    ...count('limitBytes', 1, 'must be greater than 0'),
    ...count('sinceSeconds', 1, 'must be greater than 0'),
    ...(sinceTime && { sinceTime }),
  }
  return { options, errors }
}

/** As apimachinery reads a boolean of a query: present and neither `false` nor `0`. */
const flag = (query: URLSearchParams, name: string): boolean => {
  const text = query.get(name)
  return text !== null && text !== 'false' && text !== '0'
}
