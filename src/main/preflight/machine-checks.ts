/** What the machine itself offers: each check looks, and changes nothing. */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { arch, platform, release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../../base/clock.ts'
import { describeError } from '../../base/logger.ts'
import { readMachineLoad } from '../../node/machine-facts.ts'
import { findMountSupport } from '../../node/mount-support.ts'
import { lookForCgroups } from '../../runtime/process/find-cgroups.ts'
import { tryPodNetwork } from '../../runtime/process/network/pod-network.ts'
import { findProgram } from '../../runtime/process/sandbox/find-program.ts'
import { readWall } from '../../runtime/process/sandbox/network-wall.ts'
import { openProcessRuntime } from '../../runtime/process/process-runtime.ts'
import { findSandbox } from '../../runtime/process/sandbox/find-sandbox.ts'
import type { DataDir } from '../data-dir.ts'
import type { Check } from './report.ts'

const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte
/** Less than that holds no package of any size. */
const diskMin = 512 * mebibyte
/** A Node.js version is 200 MB on disk, an app's packages about as much. */
const diskGood = 4 * gibibyte
/** The agent takes 30 MiB, an app 40 and more. */
const memoryMin = 96 * mebibyte
const memoryGood = 512 * mebibyte

export function nodejsCheck(): Check {
  const major = Number(process.versions.node.split('.')[0])
  const found = `Node.js ${process.version} runs Sampan; apps get the version that they ask for`
  if (major >= 24) return { name: 'nodejs', verdict: 'ok', found }
  return {
    name: 'nodejs',
    verdict: 'no',
    found: `Node.js ${process.version} is too old for Sampan`,
    next: 'install Node.js 24',
    isNeeded: true,
  }
}

export async function platformCheck(): Promise<Check> {
  const name = 'platform'
  const where = `${platform()} ${release()} on ${arch()}`
  const probe = await openProcessRuntime({ clock: realClock }).probe()
  if (!probe.usable)
    return { name, verdict: 'no', found: `${where}: ${probe.reason}`, next: 'use Linux', isNeeded: true }
  const libc = libcOf()
  if (libc.startsWith('glibc')) return { name, verdict: 'ok', found: `${where}, ${libc}` }
  return {
    name,
    verdict: 'limited',
    found: `${where}, ${libc}: apps run on the Node.js that runs Sampan; those of the npm registry are made for glibc`,
    next: 'use a distribution with glibc if apps ask for other versions of Node.js',
  }
}

function libcOf(): string {
  const { header } = process.report.getReport() as { readonly header?: Readonly<Record<string, unknown>> }
  const version = header?.['glibcVersionRuntime']
  return typeof version === 'string' ? `glibc ${version}` : 'no glibc (musl)'
}

export async function sandboxCheck(): Promise<Check> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-preflight-'))
  const support = await findSandbox(join(folder, 'etc'))
  rmSync(folder, { recursive: true })
  const name = 'sandbox'
  if (support.usable)
    return {
      name,
      verdict: 'ok',
      found: 'bubblewrap works: pods are kept from each other and from the machine',
    }
  return {
    name,
    verdict: 'no',
    found: `pods run as plain processes or, if they ask for it, under Node.js's permission model; those that ask for bubblewrap not at all: ${support.reason}`,
    next: (await hasUserNamespaces())
      ? 'apt install bubblewrap'
      : 'allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), or run the agent as root; install bubblewrap',
  }
}

export async function networkWallCheck(): Promise<Check> {
  const name = 'network wall'
  const lack = "sandboxed pods reach the machine's own services and the cloud's metadata"
  if (process.getuid?.() !== 0) return await podNetworkCheck(name, lack)
  try {
    await readWall('SAMPAN-PREFLIGHT') // which nobody has: only whether one could be looked for
    const found = "rules keep sandboxed pods from the machine's own services and the cloud's metadata"
    return { name, verdict: 'ok', found }
  } catch (error) {
    const next = 'apt install iptables; in a container, give it CAP_NET_ADMIN'
    return { name, verdict: 'no', found: `${lack}: ${describeError(error)}`, next }
  }
}

/** An ordinary user's wall: whether a network for pods can be made. It goes at once. */
async function podNetworkCheck(name: string, lack: string): Promise<Check> {
  const [bwrap, nsenter] = ['bwrap', 'nsenter'].map(findProgram)
  const next = 'apt install bubblewrap util-linux, and allow user namespaces; or run the agent as root'
  if (!bwrap || !nsenter) return { name, verdict: 'no', found: `${lack}: bwrap or nsenter is missing`, next }
  try {
    await tryPodNetwork(mkdtempSync(join(tmpdir(), 'sampan-preflight-')), { bwrap, nsenter }, realClock)
    const found =
      "sandboxed pods have a network in which the machine's own services and the cloud's metadata are not"
    return { name, verdict: 'ok', found }
  } catch (error) {
    return { name, verdict: 'no', found: `${lack}: ${describeError(error)}`, next }
  }
}

export async function namespacesCheck(): Promise<Check> {
  const name = 'user namespaces'
  if (await hasUserNamespaces())
    return { name, verdict: 'ok', found: 'a user may make namespaces of its own' }
  return {
    name,
    verdict: 'no',
    found: 'a user may not make namespaces of its own: no sandbox and no volumes without root',
    next: 'sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0',
  }
}

const tryTimeoutMs = 5_000

async function hasUserNamespaces(): Promise<boolean> {
  try {
    await promisify(execFile)('unshare', ['--user', '--map-root-user', 'true'], { timeout: tryTimeoutMs })
    return true
  } catch {
    return false // no such program, or not allowed: the answer
  }
}

export async function limitsCheck(): Promise<Check> {
  const name = 'limits'
  const { usable, version } = await lookForCgroups()
  const missing = (['cpu', 'memory', 'pids'] as const).filter((controller) => !usable.includes(controller))
  const which = version === undefined ? 'no control groups are mounted' : `control groups version ${version}`
  if (missing.length === 0)
    return { name, verdict: 'ok', found: `${which}: limits of CPU, memory and processes hold` }
  const next =
    version === undefined
      ? 'mount control groups (a container needs --cgroupns and a writable /sys/fs/cgroup)'
      : 'run the agent as root, or as a systemd service with Delegate=yes (`sampan service install` writes one)'
  return usable.length > 0
    ? { name, verdict: 'limited', found: `${which}: not enforced for ${missing.join(', ')}`, next }
    : { name, verdict: 'no', found: `${which}, and this user may make none: limits are not enforced`, next }
}

export async function mountsCheck(): Promise<Check> {
  const support = await findMountSupport()
  const name = 'mounts'
  if (support.usable) return { name, verdict: 'ok', found: 'pods can have volumes' }
  const found = `pods with volumes stay away, the token of a service account included: ${support.reason}`
  return { name, verdict: 'no', found }
}

export function dataDirCheck(dir: DataDir): Check {
  const name = 'data directory'
  const present = nearest(dir.root)
  try {
    accessSync(present, constants.W_OK)
  } catch {
    const next = 'choose another with --data-dir, or run as another user'
    return { name, verdict: 'no', found: `${present} can't be written to`, next, isNeeded: true }
  }
  return { name, verdict: 'ok', found: dir.root }
}

export async function spaceChecks(dir: DataDir): Promise<readonly Check[]> {
  const { diskFreeBytes, memoryAvailableBytes } = await readMachineLoad(nearest(dir.root))
  const disk = `${amount(diskFreeBytes)} free for packages, logs and volumes`
  const memory = `${amount(memoryAvailableBytes)} available`
  return [
    diskFreeBytes >= diskGood
      ? { name: 'disk', verdict: 'ok', found: disk }
      : {
          name: 'disk',
          verdict: diskFreeBytes >= diskMin ? 'limited' : 'no',
          found: `${disk}: each version of Node.js takes 200 MiB`,
          next: 'free some space, or choose another disk with --data-dir',
          ...(diskFreeBytes < diskMin && { isNeeded: true as const }),
        },
    memoryAvailableBytes >= memoryGood
      ? { name: 'memory', verdict: 'ok', found: memory }
      : {
          name: 'memory',
          verdict: memoryAvailableBytes >= memoryMin ? 'limited' : 'no',
          found: `${memory}: the agent takes 30 MiB and an app 40 MiB and more`,
          next: 'expect few apps, or free some memory',
        },
  ]
}

function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path))
}

const amount = (bytes: number): string =>
  bytes >= gibibyte ? `${(bytes / gibibyte).toFixed(1)} GiB` : `${Math.floor(bytes / mebibyte)} MiB`
