/** Finds out, once at start, which control groups this user may make on this machine, and makes the agent's own. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { access, constants, mkdir, readdir, readFile, rmdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { sweepGroups } from './cgroup.ts'
import { foldersOf, type CgroupTree, type Controller } from './cgroup-plan.ts'
import { diskOf } from './disk-of.ts'
import { handControllers, wordsOf } from './hand-controllers.ts'

export type CgroupSupport =
  | { readonly usable: true; readonly tree: CgroupTree }
  | { readonly usable: false; readonly reason: string }

export interface CgroupFacts {
  /** /proc/self/cgroup */
  readonly own: string
  /** /proc/self/mountinfo */
  readonly mounts: string
  readonly isRoot: boolean
}

/** For `findCgroups`: one for each data folder of the machine. */
export const groupsNameOf = (dataDir: string): string =>
  `sampan-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`

/** Where groups may be made: version 1 has a tree for each controller, version 2 one for all. */
export interface CgroupPlaces {
  readonly version1: readonly { readonly controller: Controller; readonly folders: readonly string[] }[]
  readonly version2: readonly string[]
}

const limiting = ['cpu', 'memory', 'pids', 'io'] as const
const controllers = ['cpu', 'cpuacct', 'memory', 'pids', 'io'] as const
const nameInVersion1 = (controller: Controller): string => (controller === 'io' ? 'blkio' : controller)

export interface CgroupWish {
  /** Tells apart the agents of one machine. */
  readonly name: string
  /** On the disk whose use is bounded, where that is one. */
  readonly dataDir: string
  readonly facts?: CgroupFacts
}

export async function findCgroups({ dataDir, facts, name }: CgroupWish): Promise<CgroupSupport> {
  if (process.platform !== 'linux') return { usable: false, reason: 'control groups are Linux only' }
  const { isRoot, ...known } = facts ?? (await readFacts())
  const places = findPlaces({ isRoot, ...known })
  const tree = (await useVersion2(places, { name, isRoot })) ?? (await useVersion1(places, name))
  if (!tree) return { usable: false, reason: whyNot(places) }
  await sweepGroups(foldersOf(tree))
  // Anew: this process may have moved to make room.
  const ownList = tree.version === 2 ? await findOwnList(facts ?? (await readFacts())) : undefined
  const disk = tree.folders.io === undefined ? undefined : diskOf(dataDir)
  return {
    usable: true,
    tree: {
      ...tree,
      ...(disk !== undefined && { disk }),
      ...(ownList !== undefined && { ownList }),
    },
  }
}

/** The folders that `findCgroups` has made for this name, as far as this process sees them. Makes and moves nothing. */
export async function findMadeGroups({
  facts,
  name,
}: Omit<CgroupWish, 'dataDir'>): Promise<readonly string[]> {
  if (process.platform !== 'linux') return []
  const { version1, version2 } = findPlaces(facts ?? (await readFacts()))
  const parents = [...version2, ...version1.flatMap(({ folders }) => folders)]
  const folders = [...new Set(parents.map((parent) => join(parent, name)))]
  return folders.filter((folder) => existsSync(folder))
}

export interface CgroupOutlook {
  /** Undefined: none are mounted. */
  readonly version: 1 | 2 | undefined
  /** What this user could enforce. */
  readonly usable: readonly Controller[]
}

/** What `findCgroups` would find, without making anything. */
export async function lookForCgroups(): Promise<CgroupOutlook> {
  if (process.platform !== 'linux') return { version: undefined, usable: [] }
  const { version1, version2 } = findPlaces(await readFacts())
  for (const folder of version2) {
    const files = ['cgroup.procs', 'cgroup.subtree_control'].map((name) => join(folder, name))
    const offered = await wordsOf(join(folder, 'cgroup.controllers'))
    const usable = limiting.filter((controller) => offered.includes(controller))
    const isOurs = (await Promise.all([folder, ...files].map(isWritable))).every(Boolean)
    if (usable.length > 0 && isOurs) return { version: 2, usable }
  }
  const usable: Controller[] = []
  for (const { controller, folders } of version1) {
    const found = (await Promise.all(folders.map(isWritable))).some(Boolean)
    if (found && limiting.some((wanted) => wanted === controller)) usable.push(controller)
  }
  return { version: version1.length > 0 ? 1 : version2.length > 0 ? 2 : undefined, usable }
}

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  )

async function readFacts(): Promise<CgroupFacts> {
  const [own, mounts] = await Promise.all([
    readFile('/proc/self/cgroup', 'utf8').catch(() => ''), // a kernel without control groups
    readFile('/proc/self/mountinfo', 'utf8'),
  ])
  return { own, mounts, isRoot: process.getuid?.() === 0 }
}

const whyNot = ({ version1, version2 }: CgroupPlaces): string =>
  version1.length === 0 && version2.length === 0
    ? 'no control groups are mounted here'
    : 'this user may not make control groups here, or shares its own with other programs: run the agent as root, or as a systemd service with Delegate=yes'

/** Own group first: what bounds the agent then bounds its workloads, too. In a container its path may not be visible. */
export function findPlaces({ own, mounts, isRoot }: CgroupFacts): CgroupPlaces {
  const version1: { controller: Controller; folders: readonly string[] }[] = []
  let version2: readonly string[] = []
  for (const { root, point, type, options } of mounts.split('\n').flatMap(parseMount)) {
    if (type === 'cgroup2') {
      // Where the agent has put itself, or systemd has: groups of apps are beside that one.
      const group = groupIn(own, '')?.replace(/\/sampan-self$/, '')
      const at = (path: string | undefined) => (path === undefined ? [] : [join(point, relative(root, path))])
      // The root group alone may have both processes and children; root makes its groups there, as a manager does.
      version2 = isRoot ? [point] : [...at(managedGroup(group)), ...at(group)]
    }
    if (type !== 'cgroup') continue
    for (const controller of controllers) {
      const name = nameInVersion1(controller)
      if (!options.includes(name)) continue
      const group = groupIn(own, name)
      const inside = group === undefined ? '..' : relative(root, group)
      const folders = [...(inside.startsWith('..') ? [] : [join(point, inside)]), point]
      version1.push({ controller, folders: [...new Set(folders)] })
    }
  }
  return { version1, version2 }
}

/**
 * That of the user's own systemd, in which there are no processes. Groups in the service's own one would keep systemd from starting
 * that again: a group with such children takes in no process any more.
 */
const managedGroup = (group = ''): string | undefined => /^(.*\/user@\d+\.service)\//.exec(group)?.[1]

/** proc_pid_mountinfo(5) */
function parseMount(line: string) {
  const [before = '', after = ''] = line.split(' - ')
  const [, , , root, point] = before.split(' ')
  const [type = '', , options = ''] = after.split(' ')
  return root && point ? [{ root, point, type, options: options.split(',') }] : []
}

/** Lines are `ID:CONTROLLERS:PATH`, without controllers for version 2. */
function groupIn(own: string, controller: string): string | undefined {
  for (const line of own.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path !== undefined && (names ?? '').split(',').includes(controller)) return path
  }
  return undefined
}

/** The `cgroup.procs` of the group of version 2 that this process is in; undefined where that isn't visible and writable. */
async function findOwnList({ own, mounts }: CgroupFacts): Promise<string | undefined> {
  const group = groupIn(own, '')
  if (group === undefined) return undefined
  for (const { root, point, type } of mounts.split('\n').flatMap(parseMount)) {
    if (type !== 'cgroup2') continue
    const list = join(point, relative(root, group), 'cgroup.procs')
    if (await isOnList(list)) return list
  }
  return undefined
}

/** In a container the path may lead to another group: this process is not on its list then. */
async function isOnList(list: string): Promise<boolean> {
  if (!(await isWritable(list))) return false
  const pids = await readFile(list, 'utf8').catch(() => '') // a group that has just been removed
  return pids.split('\n').includes(String(process.pid))
}

async function useVersion1({ version1 }: CgroupPlaces, name: string): Promise<CgroupTree | undefined> {
  const folders: Partial<Record<Controller, string>> = {}
  for (const { controller, folders: candidates } of version1)
    for (const candidate of candidates) {
      const made = await makeFolder(join(candidate, name))
      if (made === undefined) continue
      folders[controller] = made
      break
    }
  return folders.cpu || folders.memory || folders.pids ? { version: 1, folders } : undefined
}

async function useVersion2(
  { version2 }: CgroupPlaces,
  { isRoot, name }: { readonly isRoot: boolean; readonly name: string },
): Promise<CgroupTree | undefined> {
  for (const parent of version2) {
    const offered = await wordsOf(join(parent, 'cgroup.controllers'))
    const wanted = limiting.filter((controller) => offered.includes(controller))
    if (wanted.length === 0 || !(await handControllers(parent, wanted, isRoot ? 'all' : 'own'))) continue
    const folder = await makeFolder(join(parent, name))
    if (folder === undefined) continue
    if (!(await handControllers(folder, wanted, 'own'))) {
      await rmdir(folder).catch(() => {}) // somebody uses it: it stays
      continue
    }
    return { version: 2, folders: Object.fromEntries(wanted.map((controller) => [controller, folder])) }
  }
  return undefined
}

/** Only in what is a control group already: elsewhere it would be an ordinary folder. */
async function makeFolder(folder: string): Promise<string | undefined> {
  try {
    await stat(join(folder, '..', 'cgroup.procs'))
    await mkdir(folder, { recursive: true })
    await readdir(folder)
    return folder
  } catch {
    return undefined // not allowed, or a read-only file system
  }
}
