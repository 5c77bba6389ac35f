import semver from 'semver'
import { PackageError } from './errors.ts'

/** What the install worker says of an error: plain data, no stack, no credentials. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** What was being done when it failed. */
  readonly step: 'resolving' | 'installing'
  /** For EALLOW…: what was not fetched. */
  readonly dependency?: string
  /** For ETARGET: the versions there are. */
  readonly versions?: readonly string[]
  readonly latest?: string
}

export interface FailureContext {
  readonly name: string
  /** Version, range or tag as asked for. */
  readonly version: string
  readonly registry: string
  readonly root: string
}

/** The machine's own refusal; its message is complete. */
export const untrustedCode = 'EUNTRUSTED'

const unreachable =
  /^(ENOTFOUND|EAI_AGAIN|ECONN(REFUSED|RESET|ABORTED)|EPIPE|E(HOST|NET)UNREACH|EINVALIDPROXY|FETCH_ERROR|E?(ERR_SOCKET_|TIMEDOUT|CONNECTION|IDLE|RESPONSE|TRANSFER)(TIMEOUT)?|ERR_SSL_WRONG_VERSION_NUMBER)$/
const untrusted =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT|VERIFY_LEAF).*|CERT_.*|ERR_TLS_.*)$/
const damaged = /^(EINTEGRITY|EBADSIZE|TAR_.*|Z_(DATA|BUF)_ERROR|ZlibError)$/

/** Words an npm error for a pod's event. */
export function packageErrorOf(failure: Failure, context: FailureContext): PackageError {
  const { code } = failure
  if (code === untrustedCode) return new PackageError('untrusted', failure.message)
  const asked = `${context.name}@${context.version}`
  // While resolving, an error is about the package itself; while installing, most likely about a dependency.
  const subject = failure.step === 'resolving' ? asked : `${asked} or a dependency of it`
  const cause = new Error(`${code}: ${redact(failure.message)}`)
  const because = redact(failure.message)
  const error = (as: PackageError['code'], message: string) => new PackageError(as, message, { cause })

  if (code === 'E404' || code === 'ENOVERSIONS') return notFound(failure, context, error)
  if (code === 'ETARGET') return versionNotFound(failure, context, error)
  if (code === 'E401' || code === 'E403' || code === 'ENEEDAUTH') {
    return error(
      'unauthorized',
      `the registry ${context.registry} refused access to ${subject}; put a valid token for it into the .npmrc of the user that runs the agent`,
    )
  }
  if (untrusted.test(code)) {
    return error(
      'registry-unreachable',
      `the certificate of the registry ${context.registry} is not trusted (${code}); set cafile in .npmrc, or NODE_EXTRA_CA_CERTS`,
    )
  }
  if (unreachable.test(code)) {
    return error(
      'registry-unreachable',
      `the registry ${context.registry} cannot be reached for ${asked} (${code}); check the network, the proxy settings and the registry in .npmrc`,
    )
  }
  if (/^E(5\d\d|429)$/.test(code)) {
    return error(
      'registry-failed',
      `the registry ${context.registry} failed for ${subject} (HTTP ${code.slice(1)}); it is tried again later`,
    )
  }
  if (/^EALLOW(DIRECTORY|FILE|GIT)$/.test(code)) {
    return error(
      'install-failed',
      `${asked} has a dependency that is a folder, a file or a git repository (${redact(failure.dependency ?? 'it is not said which')}); a node takes those from a registry only: publish it there, or bundle it`,
    )
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return error(
      'disk-full',
      `no space left to install ${asked} in ${context.root}; free some, or move the data directory to a larger disk`,
    )
  }
  if (damaged.test(code)) {
    return error(
      'integrity',
      `the registry's copy of ${subject} is damaged or was changed (${because}); it is tried again later, and if that fails the registry or a proxy before it is at fault`,
    )
  }
  if (code === 'EBADPLATFORM') {
    return error('platform', `${asked} does not run on this kind of machine: ${because}`)
  }
  return error('install-failed', `${asked} could not be installed: ${because} (${code || 'no code'})`)
}

type MakeError = (as: PackageError['code'], message: string) => PackageError

function notFound(failure: Failure, { name, version, registry }: FailureContext, error: MakeError) {
  if (failure.step === 'resolving') {
    return error(
      'not-found',
      `there is no package ${name} in the registry ${registry}; check its spelling, and if it is private, the registry and token in .npmrc`,
    )
  }
  return error(
    'not-found',
    `something that ${name}@${version} depends on is not in the registry ${registry}: ${redact(failure.message)}; try another version of ${name}`,
  )
}

function versionNotFound(failure: Failure, { name, version }: FailureContext, error: MakeError) {
  if (failure.step === 'installing') {
    return error(
      'version-not-found',
      `${name}@${version} depends on a version that does not exist: ${redact(failure.message)}; try another version of ${name}`,
    )
  }
  const closest = closestVersions(failure.versions ?? [], version)
  const latest = failure.latest === undefined ? '' : `; the latest is ${failure.latest}`
  const near = closest.length === 0 ? '' : `; close to it are ${closest.join(', ')}`
  return error('version-not-found', `${name} has no version that matches ${version}${latest}${near}`)
}

const closestMax = 5

/** Stable versions near `wanted`: of the same major first, then the newest. */
export function closestVersions(versions: readonly string[], wanted: string): readonly string[] {
  const stable = versions.filter((v) => semver.valid(v) !== null && semver.prerelease(v) === null)
  const near = semver.coerce(wanted)
  const distance = (v: string) =>
    near === null ? 0 : semver.major(v) !== near.major ? 2 : semver.minor(v) !== near.minor ? 1 : 0
  return stable.toSorted((a, b) => distance(a) - distance(b) || semver.rcompare(a, b)).slice(0, closestMax)
}

/** Registry URLs may carry credentials. */
export const redact = (message: string): string => message.replace(/\/\/[^/\s@]+@/g, '//')
