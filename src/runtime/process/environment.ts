import { createHash } from 'node:crypto'
import type { WorkloadSpec } from '../runtime.ts'

/**
 * The environment's way to the program, through a shell. A shell passes most variables on untouched; some it sets
 * itself, and names that are no shell identifiers it drops. Those go around it, as arguments of env(1).
 */
export interface Environment {
  /** The tiny parent's environment: the workload's, and the marks by which it is found. */
  readonly parent: Readonly<Record<string, string>>
  /** Arguments of env(1) before the program: what to unset and what the shell cannot carry. */
  readonly arguments: readonly string[]
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
  /^(PWD|OLDPWD|SHLVL|_|IFS|OPTIND|OPTARG|OPTERR|PPID|LINENO|PS[0-4]|RANDOM|SECONDS|E?UID|GROUPS|ENV|POSIXLY_CORRECT|SHELLOPTS|BASH.*|_sampan_stat)$/
const setByShell = ['PWD', 'OLDPWD', 'SHLVL', '_']

/** `preloadPath` is where the workload's own copy of the preload lies. */
export function environmentOf(spec: WorkloadSpec, preloadPath: string): Environment {
  const { carried, around } = carry({ ...spec.env, ...additions(spec, preloadPath) })
  return {
    parent: { ...carried, SAMPAN_STATE_DIR: spec.stateDir },
    arguments: around,
  }
}

/** What a shell passes on, and the arguments of env(1) for the rest. */
export function carry(wanted: Readonly<Record<string, string>>) {
  const carried = Object.entries(wanted).filter(([name]) => canCarry(name))
  const around = Object.entries(wanted).filter(([name]) => !canCarry(name))
  return {
    carried: Object.fromEntries(carried),
    around: [
      ...setByShell.flatMap((name) => ['-u', name]),
      ...around.map(([name, value]) => `${name}=${value}`),
    ],
  }
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
    ...(spec.node ? { NODE_OPTIONS: nodeOptions(preloadPath, spec.env['NODE_OPTIONS']) } : {}),
  }
}

/** Our preload first: modules that the app preloads may already open a server. */
function nodeOptions(preloadPath: string, own: string | undefined): string {
  const quoted = `"${preloadPath.replace(/[\\"]/g, '\\$&')}"`
  return ['--require', quoted, ...(own?.trim() ? [own.trim()] : [])].join(' ')
}
