/** What an agent keeps on its disk, as the operator of the machine has set it in the environment. */
import { describeError } from '../base/logger.ts'
import { parseQuantity, valueOf } from '../api/quantity.ts'
import { parseThresholds } from '../node/eviction-thresholds.ts'
import { defaultLogLimits } from '../node/log-files.ts'
import type { DiskSettings } from '../node/node-disk.ts'
import { CommandError } from './command-error.ts'
import { parseDuration } from './duration-flag.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What is not set is the agent's to choose. Throws `CommandError`. */
export function readDiskSettings(env: Env): Partial<DiskSettings> {
  const bytes = (name: string) => read(env, name, bytesOf)
  const time = (name: string) => read(env, name, (text) => parseDuration(text, name))
  const logs = {
    segmentBytesMax: bytes('SAMPAN_LOG_MAX_SIZE') ?? defaultLogLimits.segmentBytesMax,
    segmentsMax: read(env, 'SAMPAN_LOG_MAX_FILES', countOf) ?? defaultLogLimits.segmentsMax,
    segmentMsMax: time('SAMPAN_LOG_MAX_AGE') ?? defaultLogLimits.segmentMsMax,
  }
  return {
    logs,
    ...given('logRetentionMs', time('SAMPAN_LOG_RETENTION')),
    ...given('logPodBytesMax', bytes('SAMPAN_LOG_POD_MAX')),
    ...given('logNodeBytesMax', bytes('SAMPAN_LOG_NODE_MAX')),
    ...given('packagesBytesMax', bytes('SAMPAN_PACKAGES_MAX')),
    ...given('thresholds', read(env, 'SAMPAN_EVICTION_HARD', parseThresholds)),
    ...given('pressureTransitionMs', time('SAMPAN_PRESSURE_TRANSITION')),
  }
}

const given = <K extends keyof DiskSettings>(name: K, value: DiskSettings[K] | undefined) =>
  value === undefined ? {} : { [name]: value }

function read<T>(env: Env, name: string, parse: (text: string) => T): T | undefined {
  const text = env[name] ?? ''
  if (text === '') return undefined
  try {
    return parse(text)
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(`${name} is ${JSON.stringify(text)}: ${describeError(cause)}`, { cause })
  }
}

function bytesOf(text: string): number {
  const bytes = valueOf(parseQuantity(text))
  if (bytes > 0) return bytes
  throw new Error('write an amount above zero, like 10Mi')
}

/** Kubelet wants two: the one that grows, and one that doesn't. */
function countOf(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 2) return count
  throw new Error('write a number of at least 2')
}
