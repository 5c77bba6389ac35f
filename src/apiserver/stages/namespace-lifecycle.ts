/** New objects need a namespace that is there to stay, and the cluster's own namespaces can't be deleted. */
import type { GroupResource, KubeObject } from '../../api/meta.ts'
import { groupResourceOf } from '../../api/resource.ts'
import { forbidden, notFound, StatusError } from '../../api/status.ts'
import type { Machinery } from '../context.ts'
import { readOne } from '../pages.ts'
import type { AdmissionStep } from './admit.ts'

/** Made when the server starts; `default`, `kube-system` and `kube-public` are for ever. */
export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const
const immortal = new Set(['default', 'kube-system', 'kube-public'])
const namespaceResource: GroupResource = { group: '', resource: 'namespaces' }

export const namespaceLifecycle: AdmissionStep = {
  name: 'NamespaceLifecycle',
  async admit({ def, machinery, object, operation, subresource }) {
    const { name = '', namespace = '' } = object.metadata
    const isNamespace = def.group === '' && def.plural === 'namespaces'
    if (operation === 'delete' && isNamespace && immortal.has(name))
      throw forbidden(namespaceResource, name, 'this namespace may not be deleted')
    if (operation !== 'create' || !def.namespaced || subresource !== '') return
    const found = await findNamespace(machinery, namespace)
    if (found === 'unmanaged') return
    if (!found) throw notFound(namespaceResource, namespace)
    if ((found.metadata.deletionTimestamp ?? '') === '') return
    throw terminating(groupResourceOf(def), name, namespace)
  },
}

/** `unmanaged`: this server has no namespaces resource at all. */
async function findNamespace(
  machinery: Machinery,
  name: string,
): Promise<KubeObject | 'unmanaged' | undefined> {
  const def = machinery.findResource('', 'v1', 'namespaces')
  if (!def) return 'unmanaged'
  const cache = machinery.cacheOf(def)
  // The cache is at most a moment behind; only a namespace it doesn't know yet is worth a read of the store.
  const cached = await readOne(cache, '', name, '0')
  return (cached ?? (await readOne(cache, '', name, '')))?.parse()
}

function terminating(resource: GroupResource, name: string, namespace: string): StatusError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  const { status } = forbidden(resource, name, why)
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  return new StatusError({ ...status, details: { ...status.details, causes: [cause] } })
}
