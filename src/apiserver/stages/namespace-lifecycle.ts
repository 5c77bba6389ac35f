/** New objects need a namespace that is there to stay, and the cluster's own namespaces can't be deleted. */
import type { GroupResource } from '../../api/meta.ts'
import { groupResourceOf } from '../../api/resource.ts'
import { forbidden, notFound, StatusError } from '../../api/status.ts'
import type { CachedObject } from '../cached-object.ts'
import { objectKeyOf } from '../keys.ts'
import { readOne } from '../pages.ts'
import type { WatchCache } from '../watch-cache.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'

/** Made when the server starts; `default`, `kube-system` and `kube-public` are for ever. */
export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const
const immortal = new Set(['default', 'kube-system', 'kube-public'])
const namespaceResource: GroupResource = { group: '', resource: 'namespaces' }

export const namespaceLifecycle: AdmissionStep = {
  name: 'NamespaceLifecycle',
  admit(request) {
    const { def, object, operation, subresource } = request
    const { name = '' } = object.metadata
    const isNamespace = def.group === '' && def.plural === 'namespaces'
    if (operation === 'delete' && isNamespace && immortal.has(name))
      throw forbidden(namespaceResource, name, 'this namespace may not be deleted')
    if (operation !== 'create' || !def.namespaced || subresource !== '') return undefined
    const namespaces = request.machinery.findResource('', 'v1', 'namespaces')
    // This server may have no namespaces resource at all.
    return namespaces && checkNamespace(request, request.machinery.cacheOf(namespaces))
  },
}

/** Nearly always the cache knows the namespace, and there is nothing to wait for. */
function checkNamespace(request: AdmissionRequest, namespaces: WatchCache): void | Promise<void> {
  const { namespace = '' } = request.object.metadata
  const key = objectKeyOf(namespaces.def, '', namespace)
  const known = namespaces.liveRing && namespaces.find(key)
  if (known) return refuseUnlessOpen(request, known)
  return findNamespace(namespaces, namespace).then((found) => refuseUnlessOpen(request, found))
}

function refuseUnlessOpen({ def, object }: AdmissionRequest, found: CachedObject | undefined): void {
  const { name = '', namespace = '' } = object.metadata
  if (!found) throw notFound(namespaceResource, namespace)
  if (found.isBeingDeleted) throw terminating(groupResourceOf(def), name, namespace)
}

/** The cache is at most a moment behind; only a namespace it doesn't know yet is worth a read of the store. */
const findNamespace = async (namespaces: WatchCache, name: string): Promise<CachedObject | undefined> =>
  (await readOne(namespaces, '', name, '0')) ?? readOne(namespaces, '', name, '')

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
