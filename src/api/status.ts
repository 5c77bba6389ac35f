/**
 * Every refusal of the API is a metav1 `Status`, and `StatusError` *is* that object: the server serialises it, the
 * client rebuilds it, and code in between throws and catches it. One constructor and one predicate for each reason.
 * Messages are word for word those of kube-apiserver (apimachinery pkg/api/errors/errors.go eed236c), because
 * kubectl prints them and scripts grep them.
 */
export { fieldError, type FieldError } from './field-errors.ts'
import { fieldErrorBody, fieldErrorsText, type FieldError } from './field-errors.ts'
import {
  groupKindName,
  groupResourceName,
  type GroupKind,
  type GroupResource,
  type ListMeta,
} from './meta.ts'
import { quote } from './quote.ts'

/** The one table of reasons and their HTTP codes. */
export const codeByReason = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServerTimeout: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const

export type StatusReason = keyof typeof codeByReason

export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  /** The plural resource for most reasons, the kind for `Invalid`: upstream's habit. */
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: ListMeta
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  /** A `StatusReason`, or whatever another server said. */
  readonly reason?: string
  readonly details?: StatusDetails
  /** The HTTP code of the answer. */
  readonly code: number
}

export class StatusError extends Error {
  override readonly name = 'StatusError'
  /** Ready to serialise. */
  readonly status: Status

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? '', options)
    this.status = status
  }
}

/** The answer to a delete that left nothing behind. */
export const successStatus = (details?: StatusDetails): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  ...(details === undefined ? {} : { details: compact(details) }),
  code: 200,
})

export const notFound = (resource: GroupResource, name: string): StatusError =>
  failure('NotFound', `${groupResourceName(resource)} ${quote(name)} not found`, detailsOf(resource, name))

/** A path or a resource this server doesn't have. */
export const unknownResource = (): StatusError =>
  failure('NotFound', 'the server could not find the requested resource', {})

export const alreadyExists = (resource: GroupResource, name: string): StatusError =>
  failure(
    'AlreadyExists',
    `${groupResourceName(resource)} ${quote(name)} already exists`,
    detailsOf(resource, name),
  )

/** Every name made from `generateName` was taken: the client may simply try again. */
export const generateNameExhausted = (resource: GroupResource, name: string): StatusError =>
  failure(
    'AlreadyExists',
    `${groupResourceName(resource)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(resource, name), retryAfterSeconds: 1 },
  )

export const modifiedMessage =
  'the object has been modified; please apply your changes to the latest version and try again'

export const conflict = (
  resource: GroupResource,
  name: string,
  message: string = modifiedMessage,
): StatusError =>
  failure(
    'Conflict',
    `Operation cannot be fulfilled on ${groupResourceName(resource)} ${quote(name)}: ${message}`,
    detailsOf(resource, name),
  )

/** Server-side apply touched fields that another manager owns; one cause for each field. */
export const applyConflict = (message: string, causes: readonly StatusCause[]): StatusError =>
  failure('Conflict', message, { causes })

export const invalid = (kind: GroupKind, name: string, errors: readonly FieldError[]): StatusError => {
  const subject = `${groupKindName(kind)} ${quote(name)} is invalid`
  return failure('Invalid', errors.length === 0 ? subject : `${subject}: ${fieldErrorsText(errors)}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes: errors.map((error) => ({
      reason: error.type,
      message: fieldErrorBody(error),
      field: error.field,
    })),
  })
}

export const badRequest = (message: string, options?: ErrorOptions): StatusError =>
  failure('BadRequest', message, undefined, options)

export const unauthorized = (message = 'Unauthorized'): StatusError => failure('Unauthorized', message)

/** `resource` is undefined for paths that aren't resources; an empty name stands for the whole collection. */
export const forbidden = (resource: GroupResource | undefined, name: string, why: string): StatusError => {
  if (resource === undefined) return failure('Forbidden', `forbidden: ${why}`, {})
  const subject = name === '' ? '' : ` ${quote(name)}`
  const message = `${groupResourceName(resource)}${subject} is forbidden: ${why}`
  return failure('Forbidden', message, detailsOf(resource, name))
}

/** The path is known, but not with this method: what upstream's router says, whatever the resource. */
export const methodNotAllowed = (): StatusError =>
  failure('MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

export const notAcceptable = (accepted: readonly string[]): StatusError =>
  failure('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`)

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  failure(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )

export const watchExpiredMessage = 'The resourceVersion for the provided watch is too old.'
export const continueExpiredMessage =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'

/** What was asked for has been compacted away; the client lists again. */
export const expired = (message: string = watchExpiredMessage): StatusError => failure('Expired', message)

/** The deprecated sibling of `expired`; clients treat both alike. */
export const gone = (message: string): StatusError => failure('Gone', message)

const tooLargeText = 'Too large resource version'

/** The client has seen a revision this server hasn't reached yet; it tries again in a second. */
export const tooLargeResourceVersion = (revisions: {
  readonly asked: number | string
  readonly current: number | string
}): StatusError =>
  failure('Timeout', `Timeout: ${tooLargeText}: ${revisions.asked}, current: ${revisions.current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: tooLargeText }],
    retryAfterSeconds: 1,
  })

export const requestEntityTooLarge = (limitBytes: number): StatusError =>
  failure('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`)

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  failure('TooManyRequests', message, { retryAfterSeconds })

export const serviceUnavailable = (message: string, options?: ErrorOptions): StatusError =>
  failure('ServiceUnavailable', message, undefined, options)

/** The request may still complete; the client decides whether to repeat it. */
export const timeout = (message: string, retryAfterSeconds = 0): StatusError =>
  failure('Timeout', `Timeout: ${message}`, { retryAfterSeconds })

export const serverTimeout = (
  resource: GroupResource,
  operation: string,
  retryAfterSeconds: number,
): StatusError =>
  failure(
    'ServerTimeout',
    `The ${operation} operation against ${groupResourceName(resource)} could not be completed at this time, please try again.`,
    { ...detailsOf(resource, operation), retryAfterSeconds },
  )

export const internal = (cause: unknown): StatusError => {
  const message = cause instanceof Error ? cause.message : String(cause)
  return failure('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }, { cause })
}

/** The reason of a `StatusError`, undefined for anything else. */
export const reasonOf = (error: unknown): string | undefined =>
  error instanceof StatusError ? error.status.reason : undefined

export const isStatusError = (error: unknown): error is StatusError => error instanceof StatusError
export const isNotFound = (error: unknown): boolean => reasonOf(error) === 'NotFound'
export const isAlreadyExists = (error: unknown): boolean => reasonOf(error) === 'AlreadyExists'
export const isConflict = (error: unknown): boolean => reasonOf(error) === 'Conflict'
export const isInvalid = (error: unknown): boolean => reasonOf(error) === 'Invalid'
export const isBadRequest = (error: unknown): boolean => reasonOf(error) === 'BadRequest'
export const isUnauthorized = (error: unknown): boolean => reasonOf(error) === 'Unauthorized'
export const isForbidden = (error: unknown): boolean => reasonOf(error) === 'Forbidden'
export const isMethodNotAllowed = (error: unknown): boolean => reasonOf(error) === 'MethodNotAllowed'
export const isTooManyRequests = (error: unknown): boolean => reasonOf(error) === 'TooManyRequests'
export const isServiceUnavailable = (error: unknown): boolean => reasonOf(error) === 'ServiceUnavailable'
export const isTimeout = (error: unknown): boolean => reasonOf(error) === 'Timeout'
export const isInternal = (error: unknown): boolean => reasonOf(error) === 'InternalError'
/** Both reasons of a compacted revision: list again. */
export const isExpired = (error: unknown): boolean => ['Expired', 'Gone'].includes(reasonOf(error) ?? '')
export const isTooLargeResourceVersion = (error: unknown): boolean =>
  error instanceof StatusError &&
  (error.status.details?.causes ?? []).some((cause) => cause.reason === 'ResourceVersionTooLarge')

/** Whether a decoded body is a `Status`; a client asks this of every answer that isn't 2xx. */
export const isStatus = (body: unknown): body is Status =>
  typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status' && 'status' in body

/** A `Status` of failure for a reason; the constructors above cover the usual ones. */
export const failure = (
  reason: StatusReason,
  message: string,
  details?: StatusDetails,
  options?: ErrorOptions,
): StatusError =>
  new StatusError(
    {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details === undefined ? {} : { details: compact(details) }),
      code: codeByReason[reason],
    },
    options,
  )

const detailsOf = (resource: GroupResource, name: string): StatusDetails => ({
  name,
  group: resource.group,
  kind: resource.resource,
})

/** Empty fields don't go on the wire. */
const compact = (details: StatusDetails): StatusDetails =>
  Object.fromEntries(
    Object.entries(details).filter(([, value]) => value !== undefined && value !== '' && value !== 0),
  )
