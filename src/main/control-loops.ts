import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Random } from '../base/ids.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { Client } from '../client/client.ts'
import { openInformers } from '../client/informers.ts'
import type { QueueMetrics } from '../client/queue-metrics.ts'
import { runElected } from '../client/leader-election.ts'
import type { CertificateSigner } from '../controllers/certificate-requests.ts'
import { runControllers } from '../controllers/controllers.ts'
import { runScheduler } from '../scheduler/scheduler.ts'

export interface ControlLoopOptions {
  readonly client: Client
  readonly resources: readonly ResourceDef[]
  /** PEM of the cluster's CA. */
  readonly rootCertificate: string
  readonly signer: CertificateSigner
  /** Several servers may work on one store: then only the leader's loops run. */
  readonly isShared: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly queueMetrics?: QueueMetrics
}

/** Controllers and scheduler, running until disposed of. They start by themselves again after a failure. */
export function openControlLoops(options: ControlLoopOptions): AsyncDisposable {
  const { client, isShared, clock, random, logger } = options
  const stop = new AbortController()
  const lead = (signal: AbortSignal) => runLoops(options, signal)
  const identity = random.uuid()
  const running = isShared
    ? runElected({ client, name: 'sampan-controllers', identity, clock, random, logger }, lead, stop.signal)
    : lead(stop.signal)
  // A loop that fails as a whole is a bug of ours: crash, be started again, go on from the objects.
  running.catch((error: unknown) => {
    logger.error('the control loops failed', { error: describeError(error) })
    throw error
  })
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the server ends'))
      await running
    },
  }
}

async function runLoops(
  { client, resources, rootCertificate, signer, clock, random, logger, queueMetrics }: ControlLoopOptions,
  signal: AbortSignal,
): Promise<void> {
  await using informers = openInformers({ client, clock, random, logger })
  const context = { client, informers, clock, random, logger, ...(queueMetrics && { queueMetrics }) }
  const controllers = runControllers(resources, { ...context, rootCertificate, signer }, signal)
  await Promise.all([controllers, runScheduler(context, signal)])
}
