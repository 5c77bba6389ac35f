/**
 * The commands that put a program into namespaces of its own with bubblewrap, and other commands beside it. Pure.
 *
 *   tiny parent (sh) ─▶ bwrap, outside, waits ─▶ bwrap, pid 1 inside, reaps ─▶ [setpriv ─▶] env ─▶ the program
 *
 * The root is a new, read-only tmpfs with the system's programs and libraries (read-only), the few files of /etc that
 * programs look into, /proc of its own processes, eight devices, and what the spec binds. Signals go to the whole process
 * group; both bwraps start with them ignored, and env(1) gives the program its defaults back.
 */
import { dirname } from 'node:path'
import type { Bind, Sandbox } from '../../runtime.ts'
import type { PodNetwork } from '../network/pod-network.ts'
import { copiesPlace, type EtcFiles } from './etc-files.ts'
import { byDepth } from './nested-binds.ts'

/** As whom the agent makes namespaces. */
export type SandboxUser = 'root' | { readonly uid: number; readonly gid: number }

/** What the machine's root has. */
export interface SystemRoot {
  /** /bin, /lib64 and their like: where a link points to, or `folder`. */
  readonly top: readonly { readonly path: string; readonly linkTo?: string }[]
  readonly etc: EtcFiles
}

/** What a machine offers, from `findSandbox`. */
export interface SandboxTools {
  readonly user: SandboxUser
  /** Absolute paths. */
  readonly programs: {
    readonly bwrap: string
    readonly setpriv: string
    readonly nsenter: string
    /** Without it shells in a terminal end with a complaint, and with 2. */
    readonly setsid?: string
  }
  readonly system: SystemRoot
  /** The filter of system calls. */
  readonly seccomp: Uint8Array
  /** Where programs are put that have one; without it they are in the machine's. */
  readonly network?: PodNetwork
}

export interface SandboxInput {
  readonly sandbox: Sandbox
  /** Begins with env(1). */
  readonly argv: readonly [string, ...string[]]
  readonly cwd: string
  readonly tools: SandboxTools
}

/** The descriptor from which bwrap reads the filter. */
export const seccompFd = 9

const memoryDiskBytesMax = 64 * 1024 * 1024 // as Docker's /dev/shm

export function sandboxCommand({ sandbox, argv, cwd, tools }: SandboxInput): readonly string[] {
  const { binds, hostname } = sandbox
  const { system } = tools
  const [env, ...rest] = argv
  return [
    tools.programs.bwrap,
    '--die-with-parent',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--hostname',
    hostname,
    ...identityOptions(sandbox, tools),
    ...system.top.flatMap(({ path, linkTo }) =>
      linkTo === undefined ? ['--ro-bind', path, path] : ['--symlink', linkTo, path],
    ),
    '--perms',
    '0755',
    '--dir',
    '/etc',
    ...etcOptions(system.etc, binds),
    '--proc',
    '/proc',
    ...deviceOptions(tools),
    '--perms',
    '1777',
    '--size',
    String(memoryDiskBytesMax),
    '--tmpfs',
    '/dev/shm',
    ...bindOptions(binds),
    '--remount-ro',
    '/dev',
    '--remount-ro',
    '/',
    '--seccomp',
    String(seccompFd),
    '--chdir',
    cwd,
    '--',
    ...dropCommand(sandbox, tools),
    env,
    '--default-signal',
    ...rest,
  ]
}

function etcOptions({ copies, links, mounts }: EtcFiles, binds: readonly Bind[]): readonly string[] {
  const isFree = ({ path }: { readonly path: string }) => !binds.some((bind) => bind.path === path)
  return [
    '--ro-bind',
    copies,
    `/etc/${copiesPlace}`,
    ...links.filter(isFree).flatMap(({ path, target }) => ['--symlink', target, path]),
    ...mounts.filter(isFree).flatMap(({ path, source }) => ['--ro-bind', source, path]),
  ]
}

/**
 * Terminals of its own would need a second namespace of users around an ordinary user's; then nobody could follow the program
 * into the first one, and there would be no `exec`.
 */
function deviceOptions({ user }: SandboxTools): readonly string[] {
  if (user === 'root') return ['--dev', '/dev']
  const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`)
  const links = Object.entries({ fd: '', stdin: '/0', stdout: '/1', stderr: '/2' })
  return [
    '--perms',
    '0755',
    '--tmpfs',
    '/dev',
    ...devices.flatMap((path) => ['--dev-bind', path, path]),
    ...links.flatMap(([name, end]) => ['--symlink', `/proc/self/fd${end}`, `/dev/${name}`]),
  ]
}

/** Outer ones first. Folders above them are made for everyone: by itself bwrap makes them for root only. */
function bindOptions(binds: readonly Bind[]): readonly string[] {
  const made = new Set<string>()
  return [...binds].sort(byDepth).flatMap(({ source, path, readOnly }) => {
    const parents = parentsOf(path).filter((parent) => !made.has(parent))
    for (const parent of parents) made.add(parent)
    const folders = parents.flatMap((parent) => ['--perms', '0755', '--dir', parent])
    return [...folders, readOnly ? '--ro-bind' : '--bind', source, path]
  })
}

/** Outermost first, without the root. */
function parentsOf(path: string): readonly string[] {
  const parents: string[] = []
  for (let parent = dirname(path); parent !== '/' && parent !== '.'; parent = dirname(parent))
    parents.unshift(parent)
  return parents
}

/** Root makes namespaces with its own rights, of which setpriv(1) needs these three; an ordinary user makes one for users, too. */
function identityOptions({ lowPorts, uid, gid }: Sandbox, { user }: SandboxTools): readonly string[] {
  const drop = ['--cap-drop', 'ALL']
  if (user === 'root') {
    const kept = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', ...(lowPorts ? ['CAP_NET_BIND_SERVICE'] : [])]
    return [...drop, ...kept.flatMap((capability) => ['--cap-add', capability])]
  }
  return ['--unshare-user', '--uid', String(uid ?? user.uid), '--gid', String(gid ?? user.gid), ...drop]
}

/** From root to the workload's own user, for good. Behind it no capability is left, but the one for ports below 1024. */
function dropCommand(
  { uid, gid, groups = [], lowPorts }: Sandbox,
  { user, programs }: SandboxTools,
): readonly string[] {
  if (user !== 'root') return []
  if (!uid || !gid) throw new Error('a sandboxed workload of root needs a user and a group of its own')
  const kept = lowPorts ? '-all,+net_bind_service' : '-all'
  return [
    programs.setpriv,
    '--reuid',
    String(uid),
    '--regid',
    String(gid),
    ...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']),
    `--bounding-set=${kept}`,
    `--inh-caps=${kept}`,
    ...(lowPorts ? ['--ambient-caps=+net_bind_service'] : []),
    '--no-new-privs',
    '--',
  ]
}

interface Entering {
  /** Of a process inside. */
  readonly pid: number
  readonly sandbox: Sandbox
  readonly tools: SandboxTools
  /** Whether its stdin is a terminal, made outside. */
  readonly tty: boolean
}

/**
 * The same surroundings for one more command. Another bubblewrap, inside, puts the filter of system calls around it, which no namespace
 * holds. A terminal belongs to a session outside, whose number inside is 0, and shells can't give it back to that: so it gets a
 * session inside, which only root may take it for.
 */
export function enterSandbox(
  argv: readonly string[],
  { pid, sandbox, tools, tty }: Entering,
): readonly string[] {
  const { user, programs } = tools
  const isRoot = user === 'root'
  const within = { ...sandbox, lowPorts: false }
  return [
    ...(tools.network?.enterBeside(pid) ?? []),
    programs.nsenter,
    `--target=${pid}`,
    ...(isRoot ? [] : ['--user', '--preserve-credentials']),
    '--mount',
    '--pid',
    '--ipc',
    '--uts',
    '--cgroup',
    '--root',
    '--wd',
    '--',
    ...(isRoot && tty && programs.setsid !== undefined ? [programs.setsid, '--ctty', '--wait'] : []),
    programs.bwrap,
    ...identityOptions(within, tools),
    '--dev-bind',
    '/',
    '/',
    '--seccomp',
    String(seccompFd),
    '--',
    ...dropCommand(within, tools),
    ...argv,
  ]
}
