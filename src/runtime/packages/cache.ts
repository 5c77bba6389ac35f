import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { createCacheRoom, noteUse, stampOfTree, type RoomOptions } from './cache-room.ts'
import { findNode } from './find-node.ts'
import { findCached, findFolder, findPackage } from './find-package.ts'
import type { Call, Context } from './install.ts'
import { sweep, treeOf } from './layout.ts'
import { readNpmConfig } from './npm-config.ts'
import type { Installed } from './run-worker.ts'
import type { PackageCacheOptions, PackageSource, Prepared, Progress } from './prepared.ts'
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
  /** Keeps to a budget; see `cache-room.ts`. What `ensure` has answered with stays for ten minutes, used or not. */
  reclaim(options: RoomOptions): Promise<number>
}

export interface EnsureOptions {
  /** Exact version, range, or `lts`; wins over the package's `engines.node`. */
  readonly nodeVersion?: string
  /** Asks no registry for the package: what isn't here is an error, 'not-cached'. For a tag the newest version here will do. */
  readonly isCachedOnly?: boolean
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
  const room = createCacheRoom({ ...options, isBusy: () => work.isBusy })
  return {
    async ensure(source, { nodeVersion, isCachedOnly = false }, signal, onProgress = () => {}) {
      const call: Call = { ...context, signal, onProgress }
      const find = isCachedOnly ? findCached : findPackage
      for (;;) {
        const found = source.scheme === 'npm' ? await find(source, call) : await findFolder(source.path, call)
        const node = await findNode({ wish: nodeVersion, engines: found.engines, title: found.title }, call)
        const { scheme, folder, name, version, integrity, skippedScripts } = found
        const prepared = { scheme, folder, name, version, integrity, skippedScripts, node }
        if (!(await isStillThere(prepared, call))) continue // removed to make room as it was found
        onProgress({ step: 'ready', message: `${found.title} is ready, on Node.js ${node.version}` })
        return prepared
      }
    },
    reclaim: (how) => room.reclaim(how),
    [Symbol.asyncDispose]: () => work.close(),
  }
}

/** Marks what was found as used. */
async function isStillThere(
  { scheme, folder, name, node }: Prepared,
  { clock, nodeDefault }: Call,
): Promise<boolean> {
  const stamps = [
    ...(scheme === 'npm' ? [stampOfTree(treeOf(folder, name))] : []),
    ...(node.path === nodeDefault.path ? [] : [dirname(dirname(node.path))]),
  ]
  const found = await Promise.all(stamps.map((stamp) => noteUse(stamp, clock)))
  return !found.includes(false)
}
