/**
 * Where a volume can't be mounted at level `permission`: what lies there is run, or read by what is run, with all the rights of the agent.
 * Native code asks no model.
 */
import { realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { isBelow } from '../runtime/process/sandbox/nested-binds.ts'
import { isSystemPlace } from '../runtime/process/sandbox/system-places.ts'
import type { Mount } from './mounts.ts'

/** By its configuration OpenSSL, which is part of Node.js, loads libraries. */
const configurationOfSsl = /^\/(etc\/ssl(\/openssl\.cnf)?|usr\/local\/ssl(\/.*)?)$/

/** Why they can't be mounted, as the end of a sentence; undefined: they can. */
export function problemWithPlaces(mounts: readonly Mount[], programs: readonly string[]): string | undefined {
  const run = programs.flatMap((path) => [path, realPlace(path)])
  for (const { mountPath } of mounts) {
    const places = [mountPath, realPlace(mountPath)]
    const isRun = (place: string) => run.some((path) => path === place || isBelow(path, place))
    if (places.some((place) => isSystemPlace(place) || configurationOfSsl.test(place) || isRun(place)))
      return `a volume at ${mountPath} would stand in for what the system and Node.js run`
    // A link that a pod puts on the way would have it mounted anywhere.
    const outer = mounts.find((other) => !other.isAgents && isBelow(mountPath, other.mountPath))
    if (outer) return `the volume at ${mountPath} lies within the one at ${outer.mountPath}`
  }
  return undefined
}

/** Where links of the machine's lead, as far as there is something. */
function realPlace(path: string): string {
  for (let folder = path; folder !== '/'; folder = dirname(folder))
    try {
      return join(realpathSync(folder), relative(folder, path))
    } catch {
      continue // not there: the folder above it may be
    }
  return path
}
