import { createHash } from 'node:crypto'
import type { WorkloadSpec } from '../runtime.ts'
import { permissionOptions, quoted } from './sandbox/permission.ts'

/**
 * The environment's way to the program, through a shell. A shell passes most variables on untouched; some it sets
 * itself, and names that are no shell identifiers it drops. Those travel as values of variables that it does pass on, each a
 * `NAME=VALUE`, and are put in place right before the program: as arguments of what runs for long, everybody on the
 * machine could read them.
 */
export interface Environment {
  /** The tiny parent's environment: the workload's, and the marks by which it is found. */
  readonly parent: Readonly<Record<string, string>>
  /** What becomes the program, whose path and arguments follow. Begins with env(1). */
  readonly command: readonly [string, ...string[]]
}

/**
 * The value of SAMPAN_WORKLOAD. The hash tells apart the workloads of several agents on one machine, whose ids may be
 * equal (tests, a restored backup), without showing the workload a path of ours.
 */
export function markOf({ id, stateDir }: Pick<WorkloadSpec, 'id' | 'stateDir'>): string {
  return `${id}.${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`
}

const shellIdentifier = /^[A-Za-z_][A-Za-z0-9_]*$/
// Set, or read to change their behaviour, by the shells that are found as /bin/sh (dash, bash, busybox, ksh).
const shellOwned =
  /^(PWD|OLDPWD|SHLVL|_|IFS|OPTIND|OPTARG|OPTERR|PPID|LINENO|PS[0-4]|RANDOM|SECONDS|E?UID|GROUPS|ENV|POSIXLY_CORRECT|SHELLOPTS|BASH.*|_sampan_.*)$/
const setByShell = ['PWD', 'OLDPWD', 'SHLVL', '_']

/** `preloadPath` is where the workload's own copy of the preload lies. */
export function environmentOf(spec: WorkloadSpec, preloadPath: string): Environment {
  const { carried, command } = carry({ ...spec.env, ...additions(spec, preloadPath) })
  return { parent: { ...carried, SAMPAN_STATE_DIR: spec.stateDir }, command }
}

/** Names of our own: no program's. */
const packedName = (index: number): string => `_sampan_${index}`

/** What a shell passes on, and the command that makes the whole environment of it for the program that follows. */
export function carry(wanted: Readonly<Record<string, string>>): {
  readonly carried: Readonly<Record<string, string>>
  readonly command: readonly [string, ...string[]]
} {
  const plain = Object.entries(wanted).filter(([name]) => canCarry(name))
  const packed = Object.entries(wanted)
    .filter(([name]) => !canCarry(name))
    .map(([name, value], index) => [packedName(index), `${name}=${value}`] as const)
  const carried = Object.fromEntries([...plain, ...packed])
  const unset = [...setByShell, ...packed.map(([name]) => name)].flatMap((name) => ['-u', name])
  if (packed.length === 0) return { carried, command: ['/usr/bin/env', ...unset] }
  const line = `exec /usr/bin/env ${unset.join(' ')} -- ${packed.map(([name]) => `"$${name}"`).join(' ')} "$@"`
  return { carried, command: ['/usr/bin/env', '/bin/sh', '-c', line, 'sampan'] }
}

/** The other way round, for a process that is still on its way to the program. */
export function unpack(found: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(found).map(([name, value]) =>
    /^_sampan_\d+$/.test(name)
      ? [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)]
      : [name, value],
  )
  return Object.fromEntries(entries) as Readonly<Record<string, string>>
}

/**
 * What the C library lets change which code a program runs. The shell and bubblewrap stand outside of the sandbox, so a
 * workload's word for them must not come near them.
 */
const loaderOwned =
  /^(LD_.*|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TMPDIR|TZDIR)$/

const canCarry = (name: string) =>
  shellIdentifier.test(name) && !shellOwned.test(name) && !loaderOwned.test(name)

function additions(spec: WorkloadSpec, preloadPath: string): Record<string, string> {
  return {
    // Inherited by all that the workload starts, so that what leaves its process group is still found at its end.
    SAMPAN_WORKLOAD: markOf(spec),
    ...(spec.address ? { SAMPAN_POD_ADDRESS: spec.address } : {}),
    ...(spec.node ? { NODE_OPTIONS: nodeOptions(spec, preloadPath) } : {}),
  }
}

/** Our preload first: modules that the app preloads may already open a server. */
function nodeOptions({ env, permission, stateDir }: WorkloadSpec, preloadPath: string): string {
  const own = env['NODE_OPTIONS']?.trim()
  return [
    ...(permission ? permissionOptions(permission, stateDir) : []),
    '--require',
    quoted(preloadPath),
    ...(own ? [own] : []),
  ].join(' ')
}
