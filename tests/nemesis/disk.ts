/** A small disk of its own for a store: it can be filled up, and its writes can be made to take long. Needs root. */
import { execFile } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const groups = '/sys/fs/cgroup/blkio'

export interface Disk extends AsyncDisposable {
  readonly folder: string
  fill(): void
  free(): void
  /** Writes of these processes, and of those that they start, take long: so many a second. False where the kernel can't do it. */
  slow(pids: readonly number[], writesPerSecond: number): boolean
  fast(pids: readonly number[]): void
}

/** A file system in a file, mounted at the folder. */
export async function openDisk(folder: string, megabytes: number): Promise<Disk> {
  const image = `${folder}.img`
  mkdirSync(folder, { recursive: true })
  await run('truncate', ['-s', `${megabytes}M`, image])
  await run('mkfs.ext4', ['-q', '-m', '0', image])
  await run('mount', ['-o', 'loop', image, folder])
  await run('rmdir', [join(folder, 'lost+found')])
  const ballast = join(folder, 'ballast')
  const { dev } = statSync(folder)
  const device = `${dev >> 8}:${dev & 255}`
  const group = join(groups, `nemesis-${process.pid}-${dev}`)
  const put = (into: string, pids: readonly number[]) => {
    for (const pid of pids)
      if (existsSync(`/proc/${pid}`)) writeFileSync(join(into, 'cgroup.procs'), String(pid))
  }
  return {
    folder,
    fill: () => fillUp(ballast),
    free: () => rmSync(ballast, { force: true }),
    slow(pids, writesPerSecond) {
      if (!existsSync(join(groups, 'blkio.throttle.write_iops_device'))) return false
      mkdirSync(group, { recursive: true })
      writeFileSync(join(group, 'blkio.throttle.write_iops_device'), `${device} ${writesPerSecond}`)
      put(group, pids)
      return true
    },
    fast(pids) {
      if (!existsSync(group)) return
      writeFileSync(join(group, 'blkio.throttle.write_iops_device'), `${device} 0`)
      put(groups, pids)
    },
    async [Symbol.asyncDispose]() {
      await run('umount', ['-l', folder])
      rmSync(image)
      if (existsSync(group)) rmdirSync(group)
    },
  }
}

/** Down to the last byte. */
function fillUp(file: string): void {
  const descriptor = openSync(file, 'w')
  try {
    for (let size = 4 * 1024 * 1024; size > 0; size = Math.floor(size / 4)) {
      const chunk = Buffer.alloc(size)
      try {
        for (;;) writeSync(descriptor, chunk)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(descriptor)
  }
}
