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
  /** Without it, as `All`. */
  readonly stream?: LogStreamName
}

const streamNames = ['All', 'Stderr', 'Stdout'] as const
export type LogStreamName = (typeof streamNames)[number]

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
  const { time: sinceTime, errors: sinceErrors } = parseTime(query, 'sinceTime')
  errors.push(...sinceErrors)
  if (query.get('sinceTime') && query.get('sinceSeconds'))
    errors.push(
      fieldError.forbidden('sinceSeconds', 'at most one of `sinceTime` or `sinceSeconds` may be specified'),
    )
  const named = query.get('stream')
  const stream = streamNames.find((name) => name === named)
  if (named && !stream) errors.push(fieldError.notSupported('stream', named, streamNames))
  if (named && named !== 'All' && query.get('tailLines'))
    errors.push(
      fieldError.forbidden('[]', '`tailLines` and specific `stream` are mutually exclusive for now'),
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
    ...(stream && { stream }),
  }
  return { options, errors }
}

export function parseTime(
  query: URLSearchParams,
  name: string,
): { readonly time?: Date; readonly errors: readonly FieldError[] } {
  const text = query.get(name)
  if (!text) return { errors: [] }
  const time = new Date(text)
  if (!Number.isNaN(time.getTime())) return { time, errors: [] }
  return { errors: [fieldError.invalid(name, text, 'must be an RFC 3339 time')] }
}

/** As apimachinery reads a boolean of a query: present and neither `false` nor `0`. */
const flag = (query: URLSearchParams, name: string): boolean => {
  const text = query.get(name)
  return text !== null && text !== 'false' && text !== '0'
}
