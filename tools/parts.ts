/** The real programs that tests run against, and how they get onto a machine. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, globSync, readFileSync } from 'node:fs'

import { join } from 'node:path'
import { unpackedPath, unpackPackage, type ReleasedPackage } from './debian-release.ts'

export interface Part {
  readonly program: string
  readonly debianPackage: string
  /** Completes the sentence "needed for …". */
  readonly purpose: string
  /** A file, or a pattern of it, that tells that a package without a program of its own in PATH is there. */
  readonly file?: string
  /** It comes from this Debian release and is unpacked, not installed. */
  readonly release?: string
}

const released = (wanted: ReleasedPackage, file: string): Required<Pick<Part, 'file' | 'release'>> => ({
  release: wanted.release,
  file: join(unpackedPath(wanted), file),
})

export const parts: readonly Part[] = [
  {
    program: 'chromium',
    debianPackage: 'chromium',
    purpose: 'loading the Node-RED editor as a person would',
  },
  { program: 'bwrap', debianPackage: 'bubblewrap', purpose: 'the sandbox of apps' },
  { program: 'etcd', debianPackage: 'etcd-server', purpose: 'the store on etcd' },
  { program: 'etcdctl', debianPackage: 'etcd-client', purpose: 'users, alarms and leaders of etcd in tests' },
  { program: 'ip', debianPackage: 'iproute2', purpose: 'hosts in network namespaces' },
  { program: 'mkfs.ext4', debianPackage: 'e2fsprogs', purpose: 'disks that fill up and slow down' },
  { program: 'iptables', debianPackage: 'iptables', purpose: 'hosts behind a NAT' },
  { program: 'tinyproxy', debianPackage: 'tinyproxy-bin', purpose: 'machines behind an HTTP proxy' },
  { program: 'nginx', debianPackage: 'nginx', purpose: 'servers behind something that ends TLS' },
  { program: 'strace', debianPackage: 'strace', purpose: 'watching what a store syncs' },
  {
    program: 'linux.uml',
    debianPackage: 'user-mode-linux',
    purpose: 'machines with control groups version 2',
  },
  { program: 'insmod', debianPackage: 'kmod', purpose: 'the packet filter of such a machine' },
  { program: 'systemd', debianPackage: 'systemd', purpose: 'Sampan as its service' },
  { program: 'dbus-daemon', debianPackage: 'dbus', purpose: 'systemd with users' },
  {
    program: 'pam_systemd',
    debianPackage: 'libpam-systemd',
    purpose: 'a systemd for each user',
    file: '/usr/lib/*/security/pam_systemd.so',
  },
  { program: 'python3', debianPackage: 'python3', purpose: 'slow and lossy lines between hosts' },
  {
    program: 'postgresql',
    debianPackage: 'postgresql',
    purpose: 'the store in PostgreSQL',
    file: '/usr/lib/postgresql/*/bin/initdb',
  },
  {
    program: 'prometheus',
    debianPackage: 'prometheus',
    purpose: 'service discovery as Prometheus does it',
    ...released({ debianPackage: 'prometheus', release: 'trixie' }, 'usr/bin/prometheus'), // bookworm's is built without it
  },
  {
    program: 'python3-kubernetes',
    debianPackage: 'python3-kubernetes',
    purpose: "judging the API by Python's client",
    file: '/usr/lib/python3/dist-packages/kubernetes/__init__.py',
  },
]

/** As root on Debian: installs what is missing. Elsewhere: says what is missing and what that costs. */
export async function installParts(): Promise<void> {
  const missing = parts.filter((part) => !isPresent(part.program))
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !isDebian()) {
    for (const part of missing) {
      console.log(
        `missing ${part.program} (Debian: ${part.debianPackage}), needed for ${part.purpose}: its tests are skipped`,
      )
    }
    return
  }
  for (const part of missing) console.log(`installing ${part.debianPackage}, needed for ${part.purpose}`)
  for (const { debianPackage, release } of missing) {
    if (release === undefined) continue
    try {
      unpackPackage({ debianPackage, release })
    } catch (error) {
      console.log(`${debianPackage} of ${release} could not be unpacked: ${String(error)}`)
    }
  }
  const names = missing.filter(({ release }) => release === undefined).map((part) => part.debianPackage)
  if (names.length === 0) return
  apt(['update', '-qq'])
  apt(['install', '-y', '-qq', '--no-install-recommends', ...names])
}

/** Where the program of an unpacked part is. */
export const fileOf = (program: string): string =>
  parts.find((part) => part.program === program)?.file ?? program

/** Whether a part, or any other program, can be used. */
export function isPresent(program: string): boolean {
  const file = parts.find((part) => part.program === program)?.file
  return file === undefined ? isOnPath(program) : globSync(file).length > 0
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK)
      return true
    } catch {
      return false // not in this folder
    }
  })
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false // no such file outside Linux
  }
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0)
    console.log(`apt-get ${args[0]} failed with ${status}: the tests that need it will say so`)
}
