import semver from 'semver'
import { PackageError } from './errors.ts'

/** The range that a wish for a Node.js version means; undefined for no wish. Throws `PackageError` when it means nothing. */
export function nodeRange(wish: string | undefined): string | undefined {
  const text = wish?.trim().toLowerCase()
  if (!text) return undefined
  if (/^(node|latest|current)$/.test(text)) return '*'
  if (/^lts(\/\*)?$/.test(text)) return ltsRange
  if (semver.validRange(text) !== null) return text
  throw new PackageError(
    'node-unavailable',
    `"${wish}" is not a Node.js version; write for example 22, 22.11.0, >=20 or lts`,
  )
}

/** Any even major: those are the ones that become long-term releases. Not a range that semver knows. */
const ltsRange = 'lts'

export function satisfiesNode(version: string, range: string): boolean {
  if (range === ltsRange) return semver.major(version) % 2 === 0
  return semver.satisfies(version, range)
}

/** The highest version in the range, of an even major when there is one. Undefined when none is in the range. */
export function chooseNodeVersion(versions: readonly string[], range: string): string | undefined {
  const fitting = versions.filter(
    (v) => semver.valid(v) !== null && semver.prerelease(v) === null && satisfiesNode(v, range),
  )
  const even = fitting.filter((v) => semver.major(v) % 2 === 0)
  return (even.length > 0 ? even : fitting).toSorted(semver.compare).at(-1)
}

/** The registry's package with the official binary for a platform; undefined where there is none. */
export function nodePackage(platform: string, arch: string): string | undefined {
  const known = new Set([
    'linux-x64',
    'linux-arm64',
    'linux-armv7l',
    'linux-ppc64le',
    'linux-s390x',
    'darwin-x64',
    'darwin-arm64',
  ])
  const name = `${platform}-${arch === 'arm' ? 'armv7l' : arch === 'ppc64' ? 'ppc64le' : arch}`
  return known.has(name) ? `node-${name}` : undefined
}
