/** What a mount has that an ordinary user may not take off it. */
import { realpathSync } from 'node:fs'
import { readMounts } from '../proc.ts'
import { isBelow } from './nested-binds.ts'

const lockable = new Set(['nosuid', 'nodev', 'noexec'])

/**
 * Those of the file system on which a path lies. mount(8) has to say them with every change, or it would take them off: mount(2)
 * knows only the whole. `mounts` is of proc_pid_mountinfo(5).
 */
export function lockedOptions(path: string, mounts = readMounts('self')): readonly string[] {
  const real = realpathSync(path)
  let [nearest, found] = ['', '']
  for (const line of mounts.split('\n')) {
    const [, , , , escaped = '', options = ''] = line.split(' ')
    const point = escaped.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    )
    const holds = point === '/' || point === real || isBelow(real, point)
    // Of two at one point the later one lies on top.
    if (point !== '' && holds && point.length >= nearest.length) [nearest, found] = [point, options]
  }
  return found.split(',').filter((option) => lockable.has(option))
}
