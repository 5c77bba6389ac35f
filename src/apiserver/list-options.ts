/** The query of a list or watch, checked as upstream checks it (apimachinery meta/internalversion/validation). */
import { fieldError, type FieldError } from '../api/field-errors.ts'
import { badRequest, invalid } from '../api/status.ts'
import type { Revision } from '../store/store.ts'
import { isTrue } from './request-info.ts'

export interface ListOptions {
  /** 0 means no limit. */
  readonly limit: number
  readonly continue: string
  /** As the client wrote it, but known to be a number or empty. */
  readonly resourceVersion: string
  readonly resourceVersionMatch: string
  readonly sendInitialEvents: boolean | undefined
  readonly allowWatchBookmarks: boolean
  readonly timeoutSeconds: number
}

export function listOptionsOf(query: URLSearchParams, isWatch: boolean): ListOptions {
  const options = {
    limit: integerOf(query, 'limit'),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutSeconds: integerOf(query, 'timeoutSeconds'),
  }
  const errors = isWatch ? watchErrors(options) : listErrors(options)
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  if (options.resourceVersion !== '') revisionOf(options.resourceVersion)
  return options
}

/** A resourceVersion that a client got from us. */
export function revisionOf(text: string): Revision {
  const revision = Number(text)
  if (/^\d{1,20}$/.test(text) && Number.isSafeInteger(revision)) return revision
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax'
  throw badRequest(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
  )
}

function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name)
  if (text === null || text === '') return 0
  const value = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return Math.max(0, value)
  throw badRequest(
    `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (in query parameter ${name})`,
  )
}

const matchField = 'resourceVersionMatch'
const withContinue = fieldError.forbidden(
  matchField,
  'resourceVersionMatch is forbidden when continue is provided',
)

function listErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  if (match !== '') {
    if (options.resourceVersion === '') {
      const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided'
      errors.push(fieldError.forbidden(matchField, why))
    }
    if (options.continue !== '') errors.push(withContinue)
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(fieldError.notSupported(matchField, match, ['Exact', 'NotOlderThan', '']))
    if (match === 'Exact' && options.resourceVersion === '0') {
      const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
      errors.push(fieldError.forbidden(matchField, why))
    }
  }
  if (options.sendInitialEvents !== undefined)
    errors.push(fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  return errors
}

function watchErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    errors.push(fieldError.forbidden(matchField, why))
  }
  if (match === '') return errors
  if (options.sendInitialEvents === undefined) {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
    errors.push(fieldError.forbidden(matchField, why))
  }
  if (match !== 'NotOlderThan') errors.push(fieldError.notSupported(matchField, match, ['NotOlderThan']))
  if (options.continue !== '') errors.push(withContinue)
  return errors
}
