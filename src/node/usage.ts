/**
 * What the node's pods, and the machine, use of CPU and memory. Nothing is measured until somebody asks: an agent that
 * nobody asks has no work with it. A rate needs two looks; where there is no look of a while ago to compare with, the
 * first one who asks waits a second for it.
 */
import { readFile } from 'node:fs/promises'
import { describeError, type Logger } from '../base/logger.ts'
import type { Clock } from '../base/clock.ts'
import type { Handle, Runtime } from '../runtime/runtime.ts'

export interface MeasuredContainer {
  readonly name: string
  readonly handle: Handle
}

export interface MeasuredPod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Those that run. */
  readonly containers: readonly MeasuredContainer[]
}

/** `cpuSeconds` counts up for as long as the agent has known it. */
export interface Amounts {
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

export interface ContainerUsage extends Amounts {
  readonly name: string
  /** Of one attempt to run it. */
  readonly id: string
  readonly startedAt: string
}

export interface PodUsage extends Omit<MeasuredPod, 'containers'> {
  readonly containers: readonly ContainerUsage[]
}

export interface UsageLook {
  readonly time: Date
  readonly monotonicMs: number
  readonly machine: Amounts
  readonly pods: readonly PodUsage[]
}

export interface UsageWindow {
  readonly before: UsageLook
  readonly now: UsageLook
}

export interface UsageMeter {
  /** Now. Looks of several who ask at once are one. */
  look(): Promise<UsageLook>
  /** Two looks, a second to a minute apart; the later one is at most ten seconds old. */
  window(): Promise<UsageWindow>
}

export interface UsageMeterOptions {
  readonly runtime: Pick<Runtime, 'stats'>
  readonly pods: () => readonly MeasuredPod[]
  readonly clock: Clock
  readonly logger: Logger
  readonly readMachine?: () => Promise<Amounts>
}

/** Who asks again within this time gets the same answer: an autoscaler, a console and kubectl cost one look. */
export const freshMsMax = 10_000
/** A rate over a longer time says little about now. */
export const windowMsMax = 60_000
export const windowMsMin = 1_000

export function createUsageMeter(options: UsageMeterOptions): UsageMeter {
  const { clock } = options
  const totals = new CpuTotals()
  let latest: UsageWindow | undefined
  const ageMs = ({ monotonicMs }: UsageLook) => clock.monotonicMs() - monotonicMs
  const look = shared(() => takeLook(options, totals))
  const window = shared(async () => {
    if (latest && ageMs(latest.now) < freshMsMax) return latest
    let before = latest && ageMs(latest.now) < windowMsMax ? latest.now : undefined
    if (!before) {
      before = await look()
      await clock.sleep(windowMsMin)
    }
    latest = { before, now: await look() }
    return latest
  })
  return { look, window }
}

/** Those who ask while the work goes on get its result. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => (running ??= work().finally(() => (running = undefined)))
}

async function takeLook(options: UsageMeterOptions, totals: CpuTotals): Promise<UsageLook> {
  const { clock, readMachine = machineAmounts } = options
  const machine = await readMachine()
  const pods: PodUsage[] = []
  for (const { containers, ...pod } of options.pods()) {
    const usages: ContainerUsage[] = []
    for (const container of containers) {
      const usage = await usageOf(options, totals, container)
      if (usage) usages.push(usage)
    }
    pods.push({ ...pod, containers: usages })
  }
  totals.forgetOthers(new Set(pods.flatMap(({ containers }) => containers.map(({ id }) => id))))
  return { time: clock.now(), monotonicMs: clock.monotonicMs(), machine, pods }
}

async function usageOf(
  { logger, runtime }: UsageMeterOptions,
  totals: CpuTotals,
  { handle, name }: MeasuredContainer,
): Promise<ContainerUsage | undefined> {
  try {
    const { cpuSeconds, memoryBytes, pids } = await runtime.stats(handle)
    if (pids === 0) return undefined // it has just ended
    const { id, startedAt } = handle
    return { name, id, startedAt, cpuSeconds: totals.add(id, cpuSeconds), memoryBytes }
  } catch (error) {
    logger.debug('a container could not be measured', { id: handle.id, error: describeError(error) })
    return undefined
  }
}

/** A process that ends may take its CPU time with it; a counter that went back would look like one that began anew. */
class CpuTotals {
  readonly #known = new Map<string, { seen: number; total: number }>()

  add(id: string, cpuSeconds: number): number {
    const known = this.#known.get(id) ?? { seen: 0, total: 0 }
    known.total += Math.max(0, cpuSeconds - known.seen)
    known.seen = cpuSeconds
    this.#known.set(id, known)
    return known.total
  }

  forgetOthers(ids: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id)
  }
}

const ticksPerSecond = 100 // as the kernel reports to user space wherever Node.js runs

/** proc_stat(5), proc_meminfo(5). Zeros where the system has no such files. */
async function machineAmounts(): Promise<Amounts> {
  const [stat, memory] = await Promise.all([readText('/proc/stat'), readText('/proc/meminfo')])
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(memory)?.[1] ?? 0) * 1024
  return {
    cpuSeconds: (user + nice + system + irq + softirq + steal) / ticksPerSecond,
    memoryBytes: bytes('MemTotal') - bytes('MemAvailable'),
  }
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
