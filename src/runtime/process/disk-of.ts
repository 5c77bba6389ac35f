import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The disk on which a folder lies, as the kernel's control groups name it: `MAJOR:MINOR` of the whole disk, for a partition can't
 * be bounded. Undefined where there is none: a file system in memory, of the network, over several disks, or over others.
 */
export function diskOf(folder: string): string | undefined {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (!found) return undefined
  const { dev } = found
  const device = join('/sys/dev/block', `${major(dev)}:${minor(dev)}`)
  if (!existsSync(device)) return undefined
  const disk = existsSync(join(device, 'partition')) ? dirname(realpathSync(device)) : device
  return readFileSync(join(disk, 'dev'), 'utf8').trim()
}

// makedev(3)
const major = (dev: number): number => ((dev >> 8) & 0xfff) | (Math.floor(dev / 2 ** 32) & ~0xfff)
const minor = (dev: number): number => (dev & 0xff) | ((dev >> 12) & 0xfff00)
