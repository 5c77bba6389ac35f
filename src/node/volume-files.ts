/**
 * Writes the files of a volume the way kubelet's AtomicWriter does: into a fresh folder, then one rename of the
 * symlink `..data`, so that an app sees all of the old version or all of the new one.
 *
 *   VOLUME/..2026_01_01_00_00_00.abcd/key    the files
 *   VOLUME/..data -> ..2026_…
 *   VOLUME/key -> ..data/key
 *
 * Written at once, not in the background: there are at most a few MiB, mostly in memory, and forty steps for the token that
 * every pod starts with, each of which would cost more to hand over than to do.
 */
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Random } from '../base/ids.ts'
import type { VolumeFile } from './volumes.ts'
import { isErrno } from './write-file.ts'

/** Makes the folder hold exactly `files`. Answers whether anything changed. */
export function writeVolume(folder: string, files: ReadonlyMap<string, VolumeFile>, random: Random): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const current = currentVersion(folder)
  if (current && isSame(join(folder, current), files)) return false
  const version = `..${random.suffix(10)}`
  const target = join(folder, version)
  try {
    mkdirSync(target, { mode: 0o755 })
    for (const [path, { content, mode }] of files) {
      mkdirSync(dirname(join(target, path)), { recursive: true, mode: 0o755 })
      writeFileSync(join(target, path), content)
      chmodSync(join(target, path), mode)
    }
    swapLink(folder, '..data', version)
  } catch (error) {
    rmSync(target, { recursive: true, force: true })
    throw error
  }
  const names = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))
  for (const name of names) swapLink(folder, name, join('..data', name))
  for (const name of readdirSync(folder)) {
    const isStale = name.startsWith('..') ? name !== '..data' && name !== version : !names.has(name)
    if (isStale) rmSync(join(folder, name), { recursive: true, force: true })
  }
  return true
}

function swapLink(folder: string, name: string, to: string): void {
  const path = join(folder, name)
  if (linkOf(path) === to) return
  const temporary = join(folder, `..new-link`)
  rmSync(temporary, { force: true })
  symlinkSync(to, temporary)
  renameSync(temporary, path)
}

const currentVersion = (folder: string) => linkOf(join(folder, '..data'))

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'EINVAL')) return undefined
    throw error
  }
}

function isSame(folder: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    if (found.filter((entry) => entry.isFile()).length !== files.size) return false
    return [...files].every(
      ([path, { content }]) => Buffer.compare(readFileSync(join(folder, path)), content) === 0,
    )
  } catch {
    return false // unreadable or missing: written anew
  }
}
