/** What the node keeps on its disk, within bounds: logs, packages, and what pods write. One place to put it together. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { NodeContext } from './context.ts'
import { createDiskUsage } from './disk-usage.ts'
import { openEvictions, type Evictions } from './eviction.ts'
import { thresholdsDefault, type EvictionThresholds } from './eviction-thresholds.ts'
import { ownerOf, type LogFolder } from './log-archive.ts'
import type { LogBudget } from './log-budget.ts'
import { defaultLogLimits, type LogLimits } from './log-files.ts'
import { openLogKeeper } from './log-keeper.ts'
import { readDiskLoad, readMemoryLoad, type MachineLoad, type MemoryLoad } from './machine-facts.ts'
import { podPaths } from './pod-records.ts'
import type { PodSet } from './pod-set.ts'
import type { PodWorker } from './pod-worker.ts'
import type { UsageMeter } from './usage.ts'

export interface DiskSettings {
  readonly logs: LogLimits
  /** How long logs are kept that nothing is written to any more, those of deleted pods among them. */
  readonly logRetentionMs: number
  readonly logPodBytesMax: number
  readonly logNodeBytesMax: number
  readonly packagesBytesMax: number
  readonly thresholds: EvictionThresholds
  /** How long a pressure condition outlasts its cause. */
  readonly pressureTransitionMs: number
}

const [mebi, gibi] = [1024 ** 2, 1024 ** 3]

/** `diskBytes`: of the file system that it is all on. */
export const defaultDiskSettings = (diskBytes: number): DiskSettings => ({
  logs: defaultLogLimits,
  logRetentionMs: 7 * 24 * 60 * 60_000,
  logPodBytesMax: 200 * mebi,
  logNodeBytesMax: Math.min(5 * gibi, diskBytes * 0.05),
  packagesBytesMax: Math.min(10 * gibi, diskBytes * 0.2),
  thresholds: thresholdsDefault,
  pressureTransitionMs: 5 * 60_000, // kubelet's eviction-pressure-transition-period
})

export interface NodeDisk extends AsyncDisposable, Pick<Evictions, 'pressure' | 'noteFullDisk'> {
  /** Of the pods that are here. */
  logFolders(): readonly LogFolder[]
}

export interface NodeDiskOptions {
  readonly context: NodeContext
  readonly pods: PodSet
  readonly usage: UsageMeter
  readonly settings: DiskSettings
  readonly onPressure: () => void
}

const attemptsMax = 20 // a container that crashes for days leaves a log with each
/** What programs take in a millisecond at their fastest; four looks have to fit before nothing is left. */
const memoryBytesPerMs = gibi / 1_000
const looksBeforeTaken = 4
const memoryMsMax = 5_000
const packagesMs = 5 * 60_000 // how long the cache may be above its budget

export function openNodeDisk({ context, pods, usage, settings, onPressure }: NodeDiskOptions): NodeDisk {
  const { clock, dataDir, logger } = context
  const { logRetentionMs: retentionMs, logPodBytesMax, logNodeBytesMax, packagesBytesMax } = settings
  const logFolders = () => pods.all().map((worker) => logFolderOf(dataDir, worker))
  const budget: LogBudget = {
    retentionMs,
    podBytesMax: logPodBytesMax,
    nodeBytesMax: logNodeBytesMax,
    attemptsMax,
  }
  const logs = openLogKeeper({ dataDir, live: logFolders, budget, clock, logger })
  const keepPackages = (bytesMax: number) => reclaimPackages(context, pods, bytesMax)
  const cancel = clock.every(packagesMs, () => void keepPackages(packagesBytesMax))
  const evictions = openEvictions({
    ...settings,
    transitionMs: settings.pressureTransitionMs,
    readLoad: createLoadReader(dataDir, clock),
    pods: () => pods.all().filter((worker) => worker.isActive()),
    disk: createDiskUsage({ ...context, unlinked: (uid) => unlinkedOf(context, pods, uid) }),
    memory: () => memoryOf(usage),
    async reclaim() {
      await keepPackages(0)
      await logs.reclaim()
    },
    onPressure,
    clock,
    logger,
  })
  return {
    logFolders,
    pressure: () => evictions.pressure(),
    noteFullDisk: () => evictions.noteFullDisk(),
    async [Symbol.asyncDispose]() {
      cancel()
      await evictions[Symbol.asyncDispose]()
      await logs[Symbol.asyncDispose]()
    },
  }
}

/** Memory takes more to read than disks do, and is read more seldom while there is plenty. */
function createLoadReader(dataDir: string, clock: Clock): () => Promise<MachineLoad> {
  let memory: MemoryLoad | undefined
  let dueMs = -Infinity
  return async () => {
    if (!memory || clock.monotonicMs() >= dueMs) {
      memory = await readMemoryLoad()
      const takenMs = memory.memoryAvailableBytes / memoryBytesPerMs / looksBeforeTaken
      dueMs = clock.monotonicMs() + Math.min(memoryMsMax, takenMs)
    }
    return { ...memory, ...(await readDiskLoad(dataDir)) }
  }
}

const logFolderOf = (dataDir: string, { pod, uid }: PodWorker): LogFolder => ({
  ...ownerOf(pod),
  folder: podPaths(dataDir, uid).logs,
  isArchived: false,
})

/** What containers run from, or will after their next restart, stays. */
async function reclaimPackages(
  { packages, logger }: { readonly packages: NodeContext['packages']; readonly logger: Logger },
  pods: PodSet,
  bytesMax: number,
): Promise<void> {
  const used = pods.all().map((worker) => worker.packages())
  const inUse = used.flatMap((paths) => paths ?? [])
  // One that has not been looked at yet, or that an agent has started which kept no note of it.
  if (used.includes(undefined)) return
  await packages
    .reclaim({ bytesMax, inUse })
    .catch((error: unknown) => logger.warn('the package cache could not be looked through', { error }))
}

async function unlinkedOf(
  { dataDir, runtime }: Pick<NodeContext, 'dataDir' | 'runtime'>,
  pods: PodSet,
  uid: string,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const { name, handle } of pods
    .all()
    .find((worker) => worker.uid === uid)
    ?.running() ?? [])
    found.set(name, (await runtime.unlinkedBytes?.(handle, dataDir)) ?? 0)
  return found
}

async function memoryOf(usage: UsageMeter): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
  const { pods } = await usage.look()
  return new Map(
    pods.map(({ uid, containers }) => [
      uid,
      new Map(containers.map(({ name, memoryBytes }) => [name, memoryBytes])),
    ]),
  )
}
