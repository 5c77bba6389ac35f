/** How long this node may run pods that run once, noted for the fences beside their programs (`runtime/process/fence.ts`). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../base/logger.ts'
import { runOnceTiming, type RunOnceTiming } from '../api/run-once.ts'
import type { Lease } from '../runtime/runtime.ts'
import { writeFileAtomic } from './write-file.ts'

/** In seconds of uptime. */
export interface RunOnceLease {
  /** For the runtime. */
  readonly fence: Lease
  readonly timing: RunOnceTiming
  /** Before a renewal is sent; what it returns is called when that was answered. Never throws. */
  begin(): () => Promise<void>
  /** False for an agent that has renewed nothing yet: what an earlier one was granted may be of an earlier boot. */
  isHeld(): boolean
}

export interface RunOnceLeaseOptions {
  readonly dataDir: string
  readonly logger: Logger
  readonly timing?: RunOnceTiming | undefined
}

export function createRunOnceLease({
  dataDir,
  logger,
  timing = runOnceTiming,
}: RunOnceLeaseOptions): RunOnceLease {
  const { leaseSeconds, warnSeconds } = timing
  const file = join(dataDir, 'run-once-lease')
  let endsAt = 0
  return {
    fence: { file, warnSeconds },
    timing,
    begin() {
      // The server counts from when it sees the renewal, which is later.
      const next = Math.floor(readUptime()) + leaseSeconds
      return async () => {
        try {
          await writeFileAtomic(file, `${next}\n`)
          endsAt = next
        } catch (error) {
          logger.warn('the lease of pods that run once could not be noted: they will end', { error, file })
        }
      }
    },
    isHeld: () => readUptime() < endsAt - warnSeconds,
  }
}

/** With the time that the machine has slept. */
const readUptime = (): number => Number.parseFloat(readFileSync('/proc/uptime', 'utf8'))
