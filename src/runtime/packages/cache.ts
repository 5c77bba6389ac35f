import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { findNode } from './find-node.ts'
import { findFolder, findPackage } from './find-package.ts'
import type { Call, Context } from './install.ts'
import { sweep } from './layout.ts'
import { type NpmConfig, readNpmConfig } from './npm-config.ts'
import type { Installed } from './run-worker.ts'
import { createSharedWork } from './shared-work.ts'

/**
 * The package cache: turns `npm:` and `dir:` images into a folder with a runnable program. Installed trees and
 * interpreters are immutable and shared by all pods of the machine; they appear by rename, so that a failed or killed
 * install leaves nothing that could be mistaken for a whole one.
 *
 *   ROOT/npm/NAME@VERSION/KEY/node_modules/NAME    an installed tree ('/' of a scope written as '+')
 *   ROOT/node/VERSION/bin/node                     an interpreter
 *   ROOT/tmp/PID.STARTTICKS                        work in progress; swept at open when its process is dead
 *   ROOT/tarballs                                  npm's own content-addressed cache
 */
export interface PackageCache extends AsyncDisposable {
  /**
   * Makes `source` runnable and answers with where it is. An exact version that is in the cache needs no network.
   * Ranges and tags are resolved by the registry at each call: keep `Prepared.version` to stay on one version. When
   * the registry cannot be reached, a range is satisfied from the cache if it can be.
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
export type PackageSource = NpmSource | { readonly scheme: 'dir'; readonly path: string }

export interface NpmSource {
  readonly scheme: 'npm'
  readonly name: string
  /** Exact version, range or tag. */
  readonly version: string
}

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
}

// Two at once keep a small machine's memory and disk usable; npm itself already fetches in parallel.
const installsMax = 2

export async function openPackageCache(options: PackageCacheOptions): Promise<PackageCache> {
  const { root, logger } = options
  await mkdir(root, { recursive: true, mode: 0o755 })
  const swept = await sweep(root)
  if (swept.length > 0) logger.info('removed unfinished installs', { count: swept.length })
  const npm =
    options.npm ??
    (await readNpmConfig({ env: process.env, home: homedir(), nodePath: options.nodeDefault.path }))
  const work = createSharedWork<Installed, Progress>(installsMax)
  const context: Context = { ...options, npm, work }
  return {
    async ensure(source, { nodeVersion }, signal, onProgress = () => {}) {
      const call: Call = { ...context, signal, onProgress }
      const found = source.scheme === 'npm' ? await findPackage(source, call) : await findFolder(source.path)
      const node = await findNode({ wish: nodeVersion, engines: found.engines, title: found.title }, call)
      const { scheme, folder, name, version, integrity, skippedScripts } = found
      onProgress({ step: 'ready', message: `${found.title} is ready, on Node.js ${node.version}` })
      return { scheme, folder, name, version, integrity, skippedScripts, node }
    },
    [Symbol.asyncDispose]: () => work.close(),
  }
}
