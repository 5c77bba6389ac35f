/**
 * What the agent does for pods that run once: it notes how long they may, for the fences beside their programs
 * (`runtime/process/fence.ts`), and starts none that it isn't sure of.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../base/logger.ts'
import { isRunOnce, runOnceAnnotation, runOnceTiming, type RunOnceTiming } from '../api/run-once.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import type { Lease } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { podsRef } from './status-writer.ts'
import { writeFileAtomic } from './write-file.ts'

/** How long this node may run such pods, in seconds of uptime. */
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

/** Now is not the time to start a container of a pod that runs once. */
export class NoLeaseError extends Error {
  override readonly name = 'NoLeaseError'
}

/** Throws `NoLeaseError` while the pod may run elsewhere. Costs nothing. */
export function requireLease({ runOnceLease: lease }: NodeContext, pod: Pod): void {
  if (!isRunOnce(pod) || lease.isHeld()) return
  throw new NoLeaseError(
    `the pod runs once (${runOnceAnnotation}), and this node holds no lease: it has not reached the API server for ${lease.timing.leaseSeconds} s. It starts when the server answers again`,
  )
}

/** As `requireLease`, and asks the server: while the node had no lease, the pod may have been replaced. */
export async function confirmRunOnce(context: NodeContext, pod: Pod, signal: AbortSignal): Promise<void> {
  if (!isRunOnce(pod)) return
  const { name = '', namespace = 'default', uid } = pod.metadata
  const { metadata } = await context.client.resource<Pod>(podsRef).get(name, { namespace, signal })
  if (metadata.uid !== uid || metadata.deletionTimestamp)
    throw new NoLeaseError('the pod has been replaced: it runs once, elsewhere')
  requireLease(context, pod)
}

/** What the event says when the fence has ended a container. */
export const leaseExpired = (container: string, { leaseSeconds }: RunOnceTiming) => ({
  reason: 'LeaseExpired',
  message: `Container ${container} was ended: its pod runs once (${runOnceAnnotation}), and for ${leaseSeconds} s this node could not renew its lease. It starts again when the API server is reached, unless the pod was replaced. If this happens often, look at the agent's log and the network between the node and the API server`,
})
