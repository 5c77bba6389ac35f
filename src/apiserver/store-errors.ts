/** The only translation of what a store throws into what a client is told. */
import {
  alreadyExists,
  conflict,
  expired,
  failure,
  internal,
  notFound,
  serviceUnavailable,
  tooLargeResourceVersion,
  type StatusError,
} from '../api/status.ts'
import type { GroupResource } from '../api/meta.ts'
import type { StoreError } from '../store/store.ts'

const retrySoonSeconds = 1

export function statusOfStoreError(error: StoreError, resource: GroupResource, name: string): StatusError {
  switch (error.code) {
    case 'exists':
      return alreadyExists(resource, name)
    case 'missing':
      return notFound(resource, name)
    case 'conflict':
      return conflict(resource, name)
    case 'compacted':
      return expired(
        `The resourceVersion asked for has been compacted; the oldest kept is ${error.revision ?? 'unknown'}.`,
      )
    case 'future':
      return tooLargeResourceVersion({ asked: 'the one requested', current: error.revision ?? 'unknown' })
    case 'invalid':
      return failure('RequestEntityTooLarge', `Request entity too large: ${error.message}`, undefined, {
        cause: error,
      })
    case 'full':
      return serviceUnavailable(
        'the disk of the store is full: nothing was written; free some space or delete objects, then try again',
        { cause: error },
      )
    case 'lagging':
    case 'unavailable':
      return failure(
        'ServiceUnavailable',
        'the store is not available at the moment; whether a write took effect is unknown, read before you repeat it',
        { retryAfterSeconds: retrySoonSeconds },
        { cause: error },
      )
    case 'sealed':
      return internal(error)
    case 'corrupt':
    case 'newer':
    case 'busy':
      return serviceUnavailable(`the store cannot be used: ${error.message}`, { cause: error })
    default:
      return error.code satisfies never
  }
}
