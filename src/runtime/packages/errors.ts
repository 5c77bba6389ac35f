/** Why a package cannot run here. `message` is written for a pod's event: what happened, why, what to do next. */
export type PackageErrorCode =
  | 'not-found'
  | 'not-cached'
  | 'version-not-found'
  | 'unauthorized'
  | 'registry-unreachable'
  | 'registry-failed'
  | 'disk-full'
  | 'integrity'
  | 'timeout'
  | 'platform'
  | 'node-unavailable'
  | 'no-entry'
  | 'ambiguous-entry'
  | 'command-not-found'
  | 'dir-missing'
  | 'install-failed'
  | 'untrusted'

export class PackageError extends Error {
  override readonly name = 'PackageError'
  readonly code: PackageErrorCode
  constructor(code: PackageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Errors that another attempt may cure without anybody changing the pod. */
export const isRetryable = (error: PackageError): boolean => retryable.has(error.code)

const retryable: ReadonlySet<PackageErrorCode> = new Set([
  'registry-unreachable',
  'registry-failed',
  'disk-full',
  'integrity',
  'timeout',
  'install-failed',
])
