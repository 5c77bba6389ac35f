/** Subresources whose ordinary requests can only be refused, with the reason and the way on. */
import { badRequest, failure } from '../../api/status.ts'
import type { VerbHandler } from '../context.ts'

/** exec, attach, port-forward: what they are happens after the connection has left HTTP (`connect/upgrades.ts`). */
export const upgradeOnly: VerbHandler = () => Promise.reject(badRequest('Upgrade request required'))

/** `kubectl debug`. */
export const ephemeralContainers: VerbHandler = ({ info }) =>
  Promise.reject(
    failure(
      'MethodNotAllowed',
      `ephemeral containers can't be added to pod ${JSON.stringify(info.name)}: its containers are processes of their node, which already see the node's tools; use kubectl exec instead`,
    ),
  )
