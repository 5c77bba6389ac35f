/**
 * Keeps the machine alive when pods take more of its disk or memory than there is: pods that exceed a limit of their own are
 * ended; when the machine itself has too little left, what can be made again is removed first, then pods go one by one, in
 * upstream's order.
 *
 *   look at what is free ─ enough ─▶ has it changed? ─▶ measure pods with limits ─▶ evict who exceeds
 *     ▲                 └─ too little ─▶ condition ─▶ reclaim ─▶ still? ─▶ measure all ─▶ evict the first
 *     └── sooner, the less is free: at its fastest a program must not fill the disk between two looks
 *
 * Deviation: for the disk's sake a pod is evicted only when that frees something. A disk that others have filled costs no app.
 */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { diskExcess, diskLeft, hasDiskLimits, type PodDisk } from './disk-limits.ts'
import type { DiskUsage } from './disk-usage.ts'
import { pressureMessage, rankForEviction, type Candidate, type StarvedResource } from './eviction-rank.ts'
import {
  metThresholds,
  type EvictionThresholds,
  type Pressure,
  type SignalLevel,
} from './eviction-thresholds.ts'
import type { MachineLoad } from './machine-facts.ts'
import type { PodEnd } from './pod-records.ts'

/** A pod that may be ended. */
export interface EvictablePod {
  readonly uid: string
  readonly pod: Pod
  /** Resolves when what it had on the disk is free again. */
  evict(end: PodEnd): Promise<void>
}

export interface Evictions extends AsyncDisposable {
  /** What the Node says of itself: until a while after it is over, so that it doesn't flutter. */
  pressure(): Pressure
  /** A write was refused: look at once, and count it as pressure. */
  noteFullDisk(): void
}

export interface EvictionsOptions {
  readonly thresholds: EvictionThresholds
  /** How long a condition outlasts its cause. */
  readonly transitionMs: number
  readonly readLoad: () => Promise<MachineLoad>
  /** Those that have not ended, and are not about to. */
  readonly pods: () => readonly EvictablePod[]
  readonly disk: DiskUsage
  /** Bytes of memory by container, by UID. */
  readonly memory: () => Promise<ReadonlyMap<string, ReadonlyMap<string, number>>>
  /** Removes what can be made again. */
  readonly reclaim: () => Promise<void>
  /** It is another from now on. */
  readonly onPressure: () => void
  readonly clock: Clock
  readonly logger: Logger
}

const lookMs = { min: 50, max: 1_000 }
/** What a fast disk takes in a second; four looks have to fit before it is full. */
const fillBytesPerMs = (2 * 1024 ** 3) / 1_000
const looksBeforeFull = 4

/** How often limits are looked after: when so much was written that somebody may exceed one, and now and then without that. */
const limitsMs = { min: 1_000, max: 60_000 }
/** Of the time, measuring may take this share. */
const measuringShareMax = { calm: 0.002, alert: 0.05 }
const reclaimMs = 60_000
const urgentShare = 0.5 // of the threshold: what is left below that isn't waited for
const freedMsMax = 3_000 // the files of an evicted pod; afterwards the next one is looked for
/** Less than this frees no disk. */
const freedBytesMin = 1024 * 1024

export function openEvictions(options: EvictionsOptions): Evictions {
  const { clock, logger, readLoad, thresholds } = options
  const stop = new AbortController()
  const lasting = createLasting(options)
  const watch = createWatch(options, stop.signal)
  let wake = () => {}
  const look = async (): Promise<number> => {
    const load = await readLoad()
    const met = metThresholds(load, thresholds)
    lasting.note({
      memory: met.some(({ signal }) => signal === 'memory.available'),
      disk: met.some(({ signal }) => signal !== 'memory.available'),
    })
    if (met.length > 0) await watch.relieve(met)
    await watch.enforceLimits(load)
    return Math.min(lookMs.max, Math.max(lookMs.min, load.diskFreeBytes / fillBytesPerMs / looksBeforeFull))
  }
  const run = async () => {
    while (!stop.signal.aborted) {
      let waitMs = lookMs.max
      try {
        waitMs = await look()
      } catch (error) {
        if (stop.signal.aborted) return
        logger.warn('the machine could not be looked at, trying again', { error })
      }
      const sleep = new AbortController()
      wake = () => sleep.abort(new Error('woken'))
      await clock.sleep(waitMs, AbortSignal.any([sleep.signal, stop.signal])).catch(() => {}) // woken or stopped
    }
  }
  const running = run()
  return {
    pressure: () => lasting.now(),
    noteFullDisk() {
      lasting.note({ memory: false, disk: true })
      wake()
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent stops'))
      await running
      await watch.idle()
    },
  }
}

/** Conditions that hold on for a while. */
function createLasting({ clock, transitionMs, onPressure, logger }: EvictionsOptions) {
  const untilMs = { memory: -Infinity, disk: -Infinity }
  const now = (): Pressure => ({
    memory: clock.monotonicMs() < untilMs.memory,
    disk: clock.monotonicMs() < untilMs.disk,
  })
  let told = now()
  return {
    now,
    note(seen: Pressure) {
      for (const kind of ['memory', 'disk'] as const)
        if (seen[kind]) untilMs[kind] = clock.monotonicMs() + transitionMs
      const { memory, disk } = now()
      if (memory === told.memory && disk === told.disk) return
      told = { memory, disk }
      if (memory || disk) logger.error('the machine has too little left', { memory, disk })
      else logger.info('the machine has enough of everything again')
      onPressure()
    },
  }
}

function createWatch(options: EvictionsOptions, signal: AbortSignal) {
  const { clock, pods } = options
  const meter = createPacedMeter(options, signal)
  let reclaimedMs = -Infinity
  let reclaiming: Promise<void> | undefined
  /** What each pod with a limit could write when it was last measured. */
  let leftBytes: ReadonlyMap<string, number> = new Map()

  const relieveDisk = async (level: SignalLevel) => {
    if (clock.monotonicMs() - reclaimedMs >= reclaimMs) {
      reclaimedMs = clock.monotonicMs()
      reclaiming = options.reclaim().finally(() => (reclaiming = undefined))
    }
    // The next look tells whether that was enough, unless the disk would be full by then.
    if (reclaiming && level.available >= level.threshold * urgentShare) return await reclaiming
    if (!meter.isDue(measuringShareMax.alert, lookMs.min)) return
    const candidates = pods()
    const found = await meter.measure(candidates)
    const sized = candidates.map((each) => ({ ...sizeOf(found.get(each.uid)), pod: each.pod }))
    await evictFirst(sized, level, 'ephemeral-storage')
  }
  const relieveMemory = async (level: SignalLevel) => {
    const found = await options.memory()
    const sized = pods().map(({ pod, uid }) => {
      const containers = found.get(uid) ?? new Map<string, number>()
      return { pod, containers, usageBytes: [...containers.values()].reduce((sum, bytes) => sum + bytes, 0) }
    })
    await evictFirst(sized, level, 'memory')
  }
  const evictFirst = async (
    candidates: readonly Candidate[],
    level: SignalLevel,
    resource: StarvedResource,
  ) => {
    const worthwhile = candidates.filter(({ usageBytes }) => usageBytes >= freedBytesMin)
    const [first] = rankForEviction(worthwhile, resource)
    const chosen = pods().find(({ uid }) => uid === first?.pod.metadata.uid)
    if (!first || !chosen) return
    const message = pressureMessage(first, resource, level)
    const graceSeconds = resource === 'memory' ? 1 : 0 // on the disk, it would go on writing
    await evict(options, signal, { victim: chosen, message, isDisruption: true, graceSeconds })
  }
  return {
    async relieve(met: readonly SignalLevel[]): Promise<void> {
      const [first] = met
      if (first?.signal === 'memory.available') await relieveMemory(first)
      else if (first) await relieveDisk(first)
    },
    async enforceLimits({ diskFreeBytes }: MachineLoad): Promise<void> {
      const limited = pods().filter(({ pod }) => hasDiskLimits(pod))
      const left = Math.min(...limited.map(({ uid }) => leftBytes.get(uid) ?? 0))
      if (!meter.isDueForLimits(diskFreeBytes, left)) return
      const found = await meter.measure(limited)
      leftBytes = new Map(limited.map(({ uid, pod }) => [uid, diskLeft(pod, found.get(uid))]))
      for (const victim of limited) {
        const own = found.get(victim.uid)
        const message = own && diskExcess(victim.pod, own)
        if (message !== undefined) await evict(options, signal, { victim, message, graceSeconds: 0 })
      }
    },
    idle: async () => await reclaiming,
  }
}

/** Measures what pods have on the disk, and knows when that is due again. */
function createPacedMeter({ clock, disk }: EvictionsOptions, signal: AbortSignal) {
  let endedMs = -Infinity
  let tookMs = 0
  let freeBytes: number | undefined
  /** Since the last look for limits' sake: ups and downs, for one pod may write what another one frees. */
  let changedBytes = Infinity
  const isDue = (share: number, atLeastMs: number) =>
    clock.monotonicMs() - endedMs >= Math.max(atLeastMs, tookMs / share)
  return {
    isDue,
    /** `leftBytes`: with less than that written, nobody can exceed a limit. */
    isDueForLimits(freeBytesNow: number, leftBytes: number): boolean {
      changedBytes += Math.abs((freeBytes ?? freeBytesNow) - freeBytesNow)
      freeBytes = freeBytesNow
      const isDueNow =
        changedBytes >= leftBytes
          ? isDue(measuringShareMax.alert, limitsMs.min)
          : isDue(measuringShareMax.calm, limitsMs.max)
      if (isDueNow) changedBytes = 0
      return isDueNow
    },
    async measure(pods: readonly EvictablePod[]): Promise<ReadonlyMap<string, PodDisk>> {
      const beginMs = clock.monotonicMs()
      try {
        return await disk.measure(
          pods.map(({ pod }) => pod),
          signal,
        )
      } finally {
        endedMs = clock.monotonicMs()
        tookMs = endedMs - beginMs
      }
    },
  }
}

/** Resolves when what the pod had is free, or when it is time to look for another. */
async function evict(
  { clock, logger }: EvictionsOptions,
  signal: AbortSignal,
  { victim, ...end }: Omit<PodEnd, 'reason'> & { readonly victim: EvictablePod },
): Promise<void> {
  const { name, namespace } = victim.pod.metadata
  logger.warn('a pod is evicted', { pod: `${namespace}/${name}`, why: end.message })
  const patience = new AbortController()
  const over = clock.sleep(freedMsMax, AbortSignal.any([patience.signal, signal])).catch(() => {}) // no more waiting
  await Promise.race([victim.evict({ reason: 'Evicted', ...end }), over])
  patience.abort(new Error('the pod has gone'))
}

const sizeOf = (disk: PodDisk | undefined): Omit<Candidate, 'pod'> => ({
  usageBytes: disk?.totalBytes ?? 0,
  containers: disk?.containers ?? new Map(),
})
