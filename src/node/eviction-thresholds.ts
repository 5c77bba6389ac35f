/** When a machine has too little left: kubelet's `--eviction-hard`, for the signals that are measured here. Pure. */
import { parseQuantity, valueOf } from '../api/quantity.ts'
import type { MachineLoad } from './machine-facts.ts'

const signals = ['memory.available', 'nodefs.available', 'nodefs.inodesFree'] as const
export type EvictionSignal = (typeof signals)[number]

/** A number of bytes; or a share of what there is, up to a number of bytes. */
export type Threshold = { readonly bytes: number } | { readonly share: number; readonly bytesMax?: number }
export type EvictionThresholds = Readonly<Partial<Record<EvictionSignal, Threshold>>>

/**
 * Kubelet's defaults on Linux, but for large disks: a laptop of which eight per cent are free has room for many apps, and is
 * nobody's server that must be kept from filling up.
 */
export const thresholdsDefault: EvictionThresholds = {
  'memory.available': { bytes: 100 * 1024 * 1024 },
  'nodefs.available': { share: 0.1, bytesMax: 5 * 1024 ** 3 },
  'nodefs.inodesFree': { share: 0.05 },
}

/** `memory.available<100Mi,nodefs.available<10%`. What isn't named has no threshold, as in kubelet. Throws with a sentence. */
export function parseThresholds(text: string): EvictionThresholds {
  const found: Partial<Record<EvictionSignal, Threshold>> = {}
  for (const part of text.split(',').filter((each) => each.trim() !== '')) {
    const [, name = '', value = ''] = /^\s*([^<\s]+)\s*<\s*(\S+)\s*$/.exec(part) ?? []
    const signal = signals.find((one) => one === name)
    if (!signal)
      throw new Error(`"${part}" is no threshold: write SIGNAL<AMOUNT, where SIGNAL is ${signals.join(', ')}`)
    found[signal] = parseThreshold(signal, value)
  }
  return found
}

function parseThreshold(signal: EvictionSignal, text: string): Threshold {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]
  if (share !== undefined && Number(share) <= 100) return { share: Number(share) / 100 }
  try {
    const bytes = valueOf(parseQuantity(text))
    if (bytes >= 0) return { bytes }
  } catch {
    // Said below, with what is expected.
  }
  throw new Error(`the threshold of ${signal} is "${text}": write an amount like 100Mi, or a share like 10%`)
}

/** Of what there is too little. */
export interface Pressure {
  readonly memory: boolean
  readonly disk: boolean
}

export interface SignalLevel {
  readonly signal: EvictionSignal
  readonly available: number
  readonly threshold: number
}

const capacityOf = (load: MachineLoad): Readonly<Record<EvictionSignal, readonly [number, number]>> => ({
  'memory.available': [load.memoryAvailableBytes, load.memoryTotalBytes],
  'nodefs.available': [load.diskFreeBytes, load.diskTotalBytes],
  'nodefs.inodesFree': [load.inodesFree, load.inodesTotal],
})

/** What of it is below its threshold. A file system that counts no inodes has none to lack. */
export function metThresholds(load: MachineLoad, thresholds: EvictionThresholds): readonly SignalLevel[] {
  return signals.flatMap((signal) => {
    const [available, capacity] = capacityOf(load)[signal]
    const threshold = thresholdOf(signal, capacity, thresholds)
    return capacity > 0 && available < threshold ? [{ signal, available, threshold }] : []
  })
}

/** In bytes or inodes; below it is too little. */
export function thresholdOf(
  signal: EvictionSignal,
  capacity: number,
  thresholds: EvictionThresholds,
): number {
  const threshold = thresholds[signal]
  if (threshold === undefined) return 0
  if ('bytes' in threshold) return threshold.bytes
  return Math.min(Math.floor(capacity * threshold.share), threshold.bytesMax ?? Infinity)
}
