import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { NpmConfig } from './npm-config.ts'

/**
 * The package cache: turns `npm:` and `dir:` images into a folder with a runnable program. Installed trees and
 * interpreters are immutable and shared by all pods of the machine; they appear by rename, so that a failed or killed
 * install leaves nothing that could be mistaken for a whole one.
 *
 *   ROOT/npm/NAME@VERSION/KEY/node_modules/NAME    an installed tree ('/' of a scope written as '+')
 *   ROOT/node/VERSION/bin/node                     an interpreter
 *   ROOT/tmp/PID.STARTTICKS.N                      work in progress; swept at open when its process is dead
 *   ROOT/tarballs                                  npm's own content-addressed cache
 */
export interface PackageCache extends AsyncDisposable {
  /**
   * Makes `source` runnable and answers with where it is. An exact version that is in the cache needs no network.
   * Ranges and tags are resolved by the registry at each call: keep `Prepared.version` to stay on one version.
   * Concurrent calls for the same thing share one install. Throws `PackageError`, or the signal's reason on abort.
   */
  ensure(
    source: PackageSource,
    options: EnsureOptions,
    signal: AbortSignal,
    onProgress?: (progress: Progress) => void,
  ): Promise<Prepared>
}

/** The parsed image; `parseImage` of `src/api/image.ts` returns records of this shape. */
export type PackageSource =
  | { readonly scheme: 'npm'; readonly name: string; readonly version: string }
  | { readonly scheme: 'dir'; readonly path: string }

export interface EnsureOptions {
  /** Exact version, range, or `lts`; wins over the package's `engines.node`. */
  readonly nodeVersion?: string
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
}
