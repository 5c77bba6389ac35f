/** Every namespace has a ServiceAccount `default`: pods that name no other run as it. */
import type { Namespace, ServiceAccount } from '../api/schema/types.gen.ts'
import { isTerminating } from '../api/meta.ts'
import { namespaces } from '../api/resources/namespaces.ts'
import { serviceAccounts } from '../api/resources/serviceaccounts.ts'
import { isAlreadyExists, isNotFound } from '../api/status.ts'
import type { ControllerSpec } from '../client/controller.ts'
import { isNamespaceTerminating } from './owned.ts'

export const defaultServiceAccount = 'default'

export const serviceAccountController: ControllerSpec = {
  name: 'serviceaccount',
  component: 'serviceaccount-controller',
  watches: namespaces,
  triggers: [
    {
      resource: serviceAccounts,
      keys: ({ metadata }) => (metadata.name === defaultServiceAccount ? [metadata.namespace ?? ''] : []),
    },
  ],
  workers: 1,
  async reconcile({ name: namespace }, { client, informers }) {
    const found = informers.for<Namespace>(namespaces).get('', namespace)
    if (!found || isTerminating(found)) return
    if (informers.for<ServiceAccount>(serviceAccounts).get(namespace, defaultServiceAccount)) return
    const account: ServiceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: defaultServiceAccount, namespace },
    }
    await client.resource<ServiceAccount>(serviceAccounts).create(account).catch(ignoreSettled)
  },
}

/** Somebody else made it, or the namespace is on its way out: nothing is left to do. */
export function ignoreSettled(error: unknown): void {
  if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceTerminating(error)) throw error
}
