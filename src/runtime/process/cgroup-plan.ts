/** Which files of the kernel's control groups say what, in both versions of them. Pure; `cgroup.ts` writes and reads. */
import { join } from 'node:path'
import type { IoLimits } from '../runtime.ts'

/** Version 2's names; what it calls io is blkio in version 1. */
export type Controller = 'cpu' | 'cpuacct' | 'memory' | 'pids' | 'io'

/** Where the groups of one agent's workloads are made. */
export interface CgroupTree {
  readonly version: 1 | 2
  /** The folder for each controller that may be used; in version 2 it is the same for all. */
  readonly folders: Readonly<Partial<Record<Controller, string>>>
  /** `MAJOR:MINOR` of the disk whose use `io` can bound. */
  readonly disk?: string
  /** With version 2: the `cgroup.procs` of the group that the agent itself is in, where it may write to that; see `cgroup-entry.ts`. */
  readonly ownList?: string
}

/** Each once. */
export const foldersOf = ({ folders }: Pick<CgroupTree, 'folders'>): readonly string[] => [
  ...new Set(Object.values(folders)),
]

export interface Bounds {
  /** Thousandths of a CPU; without it as much as there is. */
  readonly cpuMillis?: number
  /** What it gets when others want CPU, too. */
  readonly cpuRequestMillis?: number
  readonly memoryBytes?: number
  readonly pidsMax: number
  readonly io?: IoLimits
}

export interface Setting {
  readonly path: string
  readonly value: string
  /** Kernels without the file (swap is not counted there) are fine. */
  readonly isOptional?: true
}

export interface GroupPlan {
  readonly folders: readonly string[]
  /** In the order in which the kernel takes them. */
  readonly settings: readonly Setting[]
}

const periodUs = 100_000 // the kernel's default, and upstream's
const quotaUsMin = 1_000 // the kernel refuses less

export function planGroup(tree: CgroupTree, name: string, bounds: Bounds): GroupPlan {
  const at = (controller: Controller) => {
    const folder = tree.folders[controller]
    return folder === undefined ? undefined : join(folder, name)
  }
  const folders = [
    ...new Set((['cpu', 'cpuacct', 'memory', 'pids', 'io'] as const).flatMap((c) => at(c) ?? [])),
  ]
  const { disk } = tree
  const files = [
    ...(tree.version === 1 ? filesOfVersion1(bounds) : filesOfVersion2(bounds)),
    ...(disk === undefined || !bounds.io ? [] : ioFiles(tree.version, disk, bounds.io)),
  ]
  const settings = files.flatMap(({ controller, file, ...rest }) => {
    const folder = at(controller)
    return folder === undefined ? [] : [{ path: join(folder, file), ...rest }]
  })
  return { folders, settings }
}

interface PlannedFile extends Omit<Setting, 'path'> {
  readonly controller: Controller
  readonly file: string
}

/** Documentation/admin-guide/cgroup-v1 and scheduler/sched-bwc.rst of the kernel. */
function filesOfVersion1({ cpuMillis, cpuRequestMillis, memoryBytes, pidsMax }: Bounds): PlannedFile[] {
  const files: PlannedFile[] = []
  if (cpuRequestMillis !== undefined)
    files.push({ controller: 'cpu', file: 'cpu.shares', value: String(sharesOf(cpuRequestMillis)) })
  if (cpuMillis !== undefined) {
    files.push({ controller: 'cpu', file: 'cpu.cfs_period_us', value: String(periodUs) })
    files.push({ controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quotaOf(cpuMillis)) })
  }
  if (memoryBytes !== undefined) {
    const value = String(Math.floor(memoryBytes))
    files.push({ controller: 'memory', file: 'memory.limit_in_bytes', value })
    // Memory and swap together, never below memory: hence after it.
    files.push({ controller: 'memory', file: 'memory.memsw.limit_in_bytes', value, isOptional: true })
  }
  files.push({ controller: 'pids', file: 'pids.max', value: String(pidsMax) })
  return files
}

/** Documentation/admin-guide/cgroup-v2.rst of the kernel. */
function filesOfVersion2({ cpuMillis, cpuRequestMillis, memoryBytes, pidsMax }: Bounds): PlannedFile[] {
  const files: PlannedFile[] = []
  if (cpuRequestMillis !== undefined)
    files.push({
      controller: 'cpu',
      file: 'cpu.weight',
      value: String(weightOf(sharesOf(cpuRequestMillis))),
    })
  if (cpuMillis !== undefined)
    files.push({ controller: 'cpu', file: 'cpu.max', value: `${quotaOf(cpuMillis)} ${periodUs}` })
  if (memoryBytes !== undefined) {
    files.push({ controller: 'memory', file: 'memory.max', value: String(Math.floor(memoryBytes)) })
    files.push({ controller: 'memory', file: 'memory.swap.max', value: '0', isOptional: true })
  }
  files.push({ controller: 'pids', file: 'pids.max', value: String(pidsMax) })
  return files
}

/** Documentation/admin-guide/cgroup-v1/blkio-controller.rst and cgroup-v2.rst of the kernel. */
const ioNames = [
  { limit: 'readBytes', version1: 'read_bps', version2: 'rbps' },
  { limit: 'writeBytes', version1: 'write_bps', version2: 'wbps' },
  { limit: 'readOps', version1: 'read_iops', version2: 'riops' },
  { limit: 'writeOps', version1: 'write_iops', version2: 'wiops' },
] as const

function ioFiles(version: 1 | 2, disk: string, limits: IoLimits): PlannedFile[] {
  const given = ioNames.flatMap((names) => {
    const value = limits[names.limit]
    return value === undefined ? [] : [{ ...names, value: Math.floor(value) }]
  })
  if (version === 1)
    return given.map(({ value, version1 }) => ({
      controller: 'io',
      file: `blkio.throttle.${version1}_device`,
      value: `${disk} ${value}`,
    }))
  const words = given.map(({ value, version2 }) => `${version2}=${value}`)
  return words.length === 0 ? [] : [{ controller: 'io', file: 'io.max', value: [disk, ...words].join(' ') }]
}

const quotaOf = (cpuMillis: number): number => Math.max(quotaUsMin, Math.floor((cpuMillis * periodUs) / 1000))

const sharesMin = 2
const sharesMax = 262_144

/** 1024 for a whole CPU. */
const sharesOf = (millis: number): number =>
  Math.min(sharesMax, Math.max(sharesMin, Math.floor((millis * 1024) / 1000)))

/** From the range of shares to that of weights, as runc and upstream do. */
const weightOf = (shares: number): number =>
  1 + Math.floor(((shares - sharesMin) * 9_999) / (sharesMax - sharesMin))
