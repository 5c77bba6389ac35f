/**
 * Writes the files of a volume the way kubelet's AtomicWriter does: into a fresh folder, then one rename of the
 * symlink `..data`, so that an app sees all of the old version or all of the new one.
 *
 *   VOLUME/..2026_01_01_00_00_00.abcd/key    the files
 *   VOLUME/..data -> ..2026_…
 *   VOLUME/key -> ..data/key
 */
import { chmod, mkdir, readFile, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Random } from '../base/ids.ts'
import type { VolumeFile } from './volumes.ts'
import { isErrno } from './write-file.ts'

/** Makes the folder hold exactly `files`. Answers whether anything changed. */
export async function writeVolume(
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  random: Random,
): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const current = await currentVersion(folder)
  if (current && (await isSame(join(folder, current), files))) return false
  const version = `..${random.suffix(10)}`
  const target = join(folder, version)
  try {
    await mkdir(target, { mode: 0o755 })
    for (const [path, { content, mode }] of files) {
      await mkdir(dirname(join(target, path)), { recursive: true, mode: 0o755 })
      await writeFile(join(target, path), content)
      await chmod(join(target, path), mode)
    }
    await swapLink(folder, '..data', version)
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    throw error
  }
  const names = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))
  for (const name of names) await swapLink(folder, name, join('..data', name))
  for (const name of await readdir(folder)) {
    const isStale = name.startsWith('..') ? name !== '..data' && name !== version : !names.has(name)
    if (isStale) await rm(join(folder, name), { recursive: true, force: true })
  }
  return true
}

async function swapLink(folder: string, name: string, to: string): Promise<void> {
  const path = join(folder, name)
  if ((await linkOf(path)) === to) return
  const temporary = join(folder, `..new-link`)
  await rm(temporary, { force: true })
  await symlink(to, temporary)
  await rename(temporary, path)
}

const currentVersion = (folder: string) => linkOf(join(folder, '..data'))

async function linkOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'EINVAL')) return undefined
    throw error
  }
}

async function isSame(folder: string, files: ReadonlyMap<string, VolumeFile>): Promise<boolean> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []) // unreadable: written anew
  if (found.filter((entry) => entry.isFile()).length !== files.size) return false
  for (const [path, { content }] of files) {
    const old = await readFile(join(folder, path)).catch(() => undefined) // missing: written anew
    if (!old || Buffer.compare(old, content) !== 0) return false
  }
  return true
}
