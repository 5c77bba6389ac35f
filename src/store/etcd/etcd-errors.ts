import { describeError } from '../../base/logger.ts'
import { invalidError } from '../errors.ts'
import { StoreError } from '../store.ts'
import { GrpcError, grpcCodes } from './grpc-session.ts'

/** What etcd says, told apart by its words where its codes are too few. They are the same from 3.4 to 3.6. */
const says = (error: unknown, code: number, words: string): boolean =>
  error instanceof GrpcError && error.code === code && error.message.includes(words)

export const isCompacted = (error: unknown): boolean =>
  says(error, grpcCodes.outOfRange, 'has been compacted')
export const isFuture = (error: unknown): boolean => says(error, grpcCodes.outOfRange, 'is a future revision')
export const isLeaseMissing = (error: unknown): boolean =>
  says(error, grpcCodes.notFound, 'requested lease not found')
export const isAuthOff = (error: unknown): boolean =>
  says(error, grpcCodes.failedPrecondition, 'authentication is not enabled')
const isFull = (error: unknown): boolean =>
  says(error, grpcCodes.resourceExhausted, 'database space exceeded')

/** The token has expired, was lost with a restart, or permissions have changed since: a new one helps. */
export const isTokenStale = (error: GrpcError): boolean =>
  error.code === grpcCodes.unauthenticated ||
  says(error, grpcCodes.invalidArgument, 'revision of auth store is old')

/** The request was refused before it could have had an effect, for a reason that passes. */
export const isNotTaken = (error: GrpcError): boolean =>
  error.isUnseen ||
  says(error, grpcCodes.unavailable, 'etcdserver: no leader') ||
  says(error, grpcCodes.unavailable, 'etcdserver: not capable') ||
  says(error, grpcCodes.resourceExhausted, 'too many requests')

/** Another attempt, perhaps elsewhere, may get an answer; only a read may take it without knowing more. */
export const isPassing = (error: GrpcError): boolean =>
  error.code === grpcCodes.unavailable || error.code === grpcCodes.deadlineExceeded || isNotTaken(error)

/** What went wrong in the store's terms. `compacted` and `future` need a revision and are told apart before. */
export function storeErrorOf(error: unknown, key?: string): Error {
  if (error instanceof StoreError || !(error instanceof GrpcError)) return asError(error)
  const details = { cause: error, ...(key !== undefined && { key }) }
  if (isFull(error)) {
    const message = `The database of etcd has reached its quota: nothing was written. Delete what is not needed, compact and defragment it, then run "etcdctl alarm disarm"; or raise --quota-backend-bytes.`
    return new StoreError('full', message, details)
  }
  if (
    says(error, grpcCodes.invalidArgument, 'too large') ||
    says(error, grpcCodes.resourceExhausted, 'larger than max')
  ) {
    return invalidError(
      `The value${key === undefined ? '' : ` of "${key}"`} is larger than this etcd takes (--max-request-bytes). Store less, or raise that limit there.`,
      key,
    )
  }
  if (error.code === grpcCodes.dataLoss) {
    const message = `etcd reports that its data are damaged (${error.message}); see "etcdctl alarm list" and restore the member that it names.`
    return new StoreError('corrupt', message, details)
  }
  if (error.code === grpcCodes.permissionDenied) {
    const message = `etcd does not let this user read and write under its prefix (${error.message}); grant its role readwrite there.`
    return new StoreError('unavailable', message, details)
  }
  return new StoreError('unavailable', `etcd did not serve the request: ${describeError(error)}.`, details)
}

/** `now` is undefined where it is another cluster altogether: its revisions say nothing. */
export const wentBackError = (seen: number, now: number | undefined): StoreError =>
  new StoreError(
    'corrupt',
    now === undefined
      ? `Another cluster of etcd answers than before: a backup of it was restored, or the address leads elsewhere. ${startAnew}`
      : `etcd no longer has the revision ${seen} that was acknowledged (it is at ${now}): a backup of it was restored. ${startAnew}`,
  )

const startAnew =
  'Servers of Sampan that knew the other history end, and start anew with this one; make sure that it is the right one.'

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
