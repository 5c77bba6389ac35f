/** The node's Lease: its renewal says that the agent lives. */
import { deadlineSignal } from '../base/deadline.ts'
import type { Lease } from '../api/schema/types.gen.ts'
import { isNotFound } from '../api/status.ts'
import type { ResourceRef } from '../client/client.ts'
import type { NodeContext } from './context.ts'
import { microTimeOf } from './times.ts'

const renewMs = 2_000
const retryMs = 250 // before the node is registered, and when a server has just come back
const leaseDurationSeconds = 10
const renewTimeoutMs = 5_000
const leaseNamespace = 'kube-node-lease'

export const leasesRef: ResourceRef = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/** Renews the lease; creates it when there is none. */
export async function keepLease(
  {
    client,
    clock,
    logger,
    nodeName,
    runOnceLease,
  }: Pick<NodeContext, 'client' | 'clock' | 'logger' | 'nodeName' | 'runOnceLease'>,
  nodeUid: () => string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const leases = client.resource<Lease>(leasesRef)
  const renew = async () => {
    using deadline = deadlineSignal(clock, renewTimeoutMs, signal)
    const where = { namespace: leaseNamespace, signal: deadline.signal }
    const spec = { holderIdentity: nodeName, leaseDurationSeconds, renewTime: microTimeOf(clock.now()) }
    const noteRenewal = runOnceLease.begin()
    try {
      await leases.patch(nodeName, 'merge', { spec }, where)
    } catch (error) {
      const uid = nodeUid()
      if (!isNotFound(error) || uid === undefined) throw error
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }]
      const metadata = { name: nodeName, namespace: leaseNamespace, ownerReferences }
      await leases.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, where)
    }
    await noteRenewal()
  }
  while (!signal.aborted) {
    const waitMs = await renew().then(
      () => renewMs,
      (error: unknown) => {
        logger.debug('the lease could not be renewed', { error })
        return retryMs
      },
    )
    await clock.sleep(waitMs, signal).catch(() => {}) // stopped: the loop ends
  }
}
