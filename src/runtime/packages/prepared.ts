/** What goes into the package cache and comes out of it; `cache.ts` and those who work for it share these. */
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { NpmConfig } from './npm-config.ts'
import type { TrustPolicy } from './trust.ts'

/** The parsed image; `parseImage` of `src/api/image.ts` returns records of this shape. */
export type PackageSource = NpmSource | { readonly scheme: 'dir'; readonly path: string }

export interface NpmSource {
  readonly scheme: 'npm'
  readonly name: string
  /** Exact version, range or tag. */
  readonly version: string
}

export interface Progress {
  readonly step: 'resolving' | 'installing' | 'installing-node' | 'ready'
  /** A sentence for a person, e.g. a pod's event. */
  readonly message: string
}

/** A package on this machine and the interpreter for it. Turn it into a command with `resolveEntry` of `entry.ts`. */
export interface Prepared {
  readonly scheme: 'npm' | 'dir'
  /** The folder that holds the package's own package.json. Shared by all pods: an app must not write here when `scheme` is npm. */
  readonly folder: string
  readonly name: string
  /** The exact version, as installed; '' when a folder has none. */
  readonly version: string
  /** Subresource integrity of the package's tarball; '' for folders. */
  readonly integrity: string
  /** Packages whose install scripts were not run because `allowScripts` is off: native parts of them may be missing. */
  readonly skippedScripts: readonly string[]
  readonly node: Interpreter
}

export interface Interpreter {
  /** Absolute path of the executable. */
  readonly path: string
  /** Without a leading v. */
  readonly version: string
}

export interface PackageCacheOptions {
  readonly root: string
  readonly nodeDefault: Interpreter
  readonly clock: Clock
  readonly logger: Logger
  /** Registry, credentials, proxies; the machine's own npm configuration when absent. */
  readonly npm?: NpmConfig
  /** Runs install scripts of packages, which is arbitrary code outside any pod. Off by default. */
  readonly allowScripts?: boolean
  readonly installTimeoutMs?: number
  /** Without it, every package is trusted. */
  readonly trust?: TrustPolicy
}
