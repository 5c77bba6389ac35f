/**
 * What in a sandbox must be the machine's own: programs, libraries and what the loader reads. bwrap, setpriv and env run from there
 * while they still have rights of the agent's, at the start of a program and with every command beside it. A volume in
 * such a place would hand them to the pod.
 */
import { lstatSync, realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Bind } from '../../runtime.ts'
import { around, isBelow, isOwnPlace } from './nested-binds.ts'

const folders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']
const places = [
  ...['/', '/usr/', '/usr/local/'].flatMap((above) => folders.map((name) => above + name)),
  '/nix',
  '/proc',
]
/** ld.so.preload, ld.so.cache, ld-musl-x86_64.path and their like. */
const loaderFile = /^\/etc\/ld[.-]/

/** Whether something at `path` would hide a place of the system, or be in one. */
export const isSystemPlace = (path: string): boolean =>
  path === '/' ||
  path === '/etc' ||
  loaderFile.test(path) ||
  places.some((place) => path === place || isBelow(path, place) || isBelow(place, path))

/** Why these can't be mounted, as a sentence; undefined: they can. */
export function problemOf(binds: readonly Bind[]): string | undefined {
  for (const bind of binds) {
    const { path } = bind
    // All that is asked here of places, and how they lie in each other, is asked by name.
    if (!isOwnPlace(bind) && resolve(path) !== path)
      return `something is to be mounted at ${path}; write a plain absolute path, without "." and ".."`
    if (!isOwnPlace(bind) && isSystemPlace(path))
      return `a volume at ${path} would stand in for programs and libraries of the system; mount it elsewhere`
    const link = linkOnTheWay(bind, binds)
    if (link !== undefined)
      return `the way to its volume at ${path} leads over a symbolic link (${link}); remove that, or mount the volume elsewhere`
  }
  return undefined
}

/**
 * A volume that is mounted within another one goes where the other's folders lead: a link there could name any place. One that
 * comes up later is met by what makes the mounts (`held-binds.ts`).
 */
function linkOnTheWay(bind: Bind, binds: readonly Bind[]): string | undefined {
  const outer = around(bind, binds).at(-1)
  if (!outer || isOwnPlace(outer)) return undefined
  let at = ''
  for (const name of relative(outer.path, bind.path).split('/')) {
    at = join(at, name)
    if (isLink(join(outer.source, at))) return join(outer.path, at)
  }
  return undefined
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    return false // nothing is there, or there is no way to it: who makes the place says so
  }
}

/**
 * What is mounted at a place of the system and is not what the machine has there; undefined when all is well. Both texts are of
 * proc_pid_mountinfo(5): `inside` a sandbox, and of this process. `realPath` follows the machine's own links.
 */
export function strangerAt(
  inside: string,
  own: string,
  realPath: (path: string) => string = realPathOf,
): string | undefined {
  const here = own.split('\n').flatMap(parseMount)
  return inside
    .split('\n')
    .flatMap(parseMount)
    .find((mount) => {
      // The sandbox's own root and its view of processes.
      if (mount.point === '/' || mount.point === '/proc' || isBelow(mount.point, '/proc')) return false
      if (!isSystemPlace(mount.point)) return false
      const place = { ...mount, point: realPath(mount.point) }
      return !here.some((one) => shows(one, place))
    })?.point
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // not there: then nothing of the machine's is shown
  }
}

interface MountPoint {
  readonly device: string
  /** What of its file system is mounted. */
  readonly root: string
  readonly point: string
}

function parseMount(line: string): readonly MountPoint[] {
  const [, , device, root, point] = line.split(' ')
  // A file that was replaced since: ld.so.cache is, with every library that the system gets.
  return device && root && point ? [{ device, root: root.replace(/\/\/deleted$/, ''), point }] : []
}

/** Whether the machine shows by this mount, at the same place, what `mount` shows. */
function shows({ device, point, root }: MountPoint, mount: MountPoint): boolean {
  const isAbove = point === '/' || mount.point === point || isBelow(mount.point, point)
  return isAbove && device === mount.device && join(root, relative(point, mount.point)) === mount.root
}
