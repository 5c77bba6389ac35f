/** What the agent does for pods that run once: it starts none that it isn't sure of. `run-once-lease.ts` tells how long they may run. */
import { isRunOnce, runOnceAnnotation, type RunOnceTiming } from '../api/run-once.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import type { NodeContext } from './context.ts'
import { podsRef } from './status-writer.ts'

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
