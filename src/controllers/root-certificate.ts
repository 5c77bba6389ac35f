/** Every namespace has the ConfigMap `kube-root-ca.crt`: by it pods know that the API they talk to is the cluster's. */
import { isTerminating, type KubeObject } from '../api/meta.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { namespaces } from '../api/resources/namespaces.ts'
import type { ConfigMap, Namespace } from '../api/schema/types.gen.ts'
import { runController, type ControllerSpec, type LoopContext } from '../client/controller.ts'
import { openInformer } from '../client/informer.ts'
import { sharedIndexes, type Informers } from '../client/informers.ts'
import { ignoreSettled } from './service-accounts.ts'

export const rootCertificateName = 'kube-root-ca.crt'
const key = 'ca.crt'

const rootCertificateController = (certificate: string): ControllerSpec => ({
  name: 'root-certificate',
  component: 'root-ca-certificate-publisher',
  watches: namespaces,
  triggers: [{ resource: configMaps, keys: ({ metadata }) => [metadata.namespace ?? ''] }],
  workers: 1,
  async reconcile({ name: namespace }, { client, informers }) {
    const found = informers.for<Namespace>(namespaces).get('', namespace)
    if (!found || isTerminating(found)) return
    const api = client.resource<ConfigMap>(configMaps)
    const present = informers.for<ConfigMap>(configMaps).get(namespace, rootCertificateName)
    if (present?.data?.[key] === certificate) return
    if (present) return void (await api.update({ ...present, data: { [key]: certificate } }))
    const metadata = { name: rootCertificateName, namespace }
    const wanted: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [key]: certificate } }
    await api.create(wanted).catch(ignoreSettled)
  },
})

/** Runs until `signal` aborts. Follows the ConfigMaps of that one name only: all others may be many and large. */
export async function runRootCertificates(
  certificate: string,
  context: LoopContext,
  signal: AbortSignal,
): Promise<void> {
  await using own = openInformer<KubeObject>({
    ...context,
    resource: configMaps,
    fieldSelector: `metadata.name=${rootCertificateName}`,
    indexes: sharedIndexes,
  })
  const { informers } = context
  const isOwn = (plural: string) => plural === configMaps.plural
  const narrowed: Informers = {
    ...informers,
    for: (resource) => (isOwn(resource.plural) ? (own as never) : informers.for(resource)),
    has: (resource) => isOwn(resource.plural) || informers.has(resource),
  }
  await runController(rootCertificateController(certificate), { ...context, informers: narrowed }, signal)
}
