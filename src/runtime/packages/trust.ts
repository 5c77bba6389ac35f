/**
 * Which packages this machine runs. The expression is asked about what was found, `NAME@EXACT-VERSION`, never about what somebody
 * asked for: a tag, a range or a pod's spec can't say anything that would pass for another package.
 */
import semver from 'semver'
import { PackageError } from './errors.ts'

/** As an operator writes it. A folder (`dir:`) is asked about as `dir:/PATH`. */
export interface TrustPolicy {
  readonly pattern: string
}

/** Throws SyntaxError when it is no regular expression. */
export const parseTrust = (pattern: string): TrustPolicy => {
  void new RegExp(pattern)
  return { pattern }
}

export const isTrusted = ({ pattern }: TrustPolicy, found: string): boolean => new RegExp(pattern).test(found)

/** Throws PackageError('untrusted'). */
export function checkTrust(trust: TrustPolicy | undefined, found: string): void {
  if (!trust || isTrusted(trust, found)) return
  throw new PackageError(
    'untrusted',
    `this node does not trust ${found}: it runs only what matches TRUSTED_PACKAGE_REGEXP, which is ${trust.pattern}; ask for a package that does, or let the node's operator widen it`,
  )
}

const tag = /^[a-z][\w-]*(?:\.[\w-]+)*$/i
const tarball = /\.(?:tgz|tar|tar\.gz)$/i

/**
 * npm takes much for a version that is none: `.` and `x.tgz` are files on this machine. What is no version, range or tag of the
 * registry is refused before npm's library sees it. Throws PackageError.
 */
export function checkRegistryVersion(name: string, version: string): void {
  if (semver.validRange(version) !== null || (tag.test(version) && !tarball.test(version))) return
  throw new PackageError(
    'version-not-found',
    `${name}@${version}: ${JSON.stringify(version)} is no version, range or tag of a registry; write for example npm:${name}@1.2.3`,
  )
}
