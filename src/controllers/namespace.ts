import type { Namespace } from '../api/schema/types.gen.ts'
import { setCondition } from '../api/conditions.ts'
import { isNotFound } from '../api/status.ts'
import { isTerminating, type KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { namespaces } from '../api/resources/namespaces.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'

/** Contents whose own deletion takes time are looked at again this often. */
const recheckMs = 500
/** Objects listed and deleted at a time. */
const pageSize = 500

/** Empties a namespace that is being deleted, then lets it go. `resources` is everything that may live in one. */
export const namespaceController = (resources: readonly ResourceDef[]): ControllerSpec => ({
  name: 'namespace',
  watches: namespaces,
  workers: 2,
  async reconcile({ name }, context) {
    const namespace = context.informers.for<Namespace>(namespaces).get('', name)
    if (!namespace || !isTerminating(namespace)) return
    if (!(namespace.spec.finalizers ?? []).includes('kubernetes')) return
    const namespaced = resources.filter((def) => def.namespaced && def.verbs.includes('delete'))
    let left = 0
    for (const def of namespaced) left += await empty(def, name, context)
    if (left > 0) {
      await reportRemaining(namespace, left, context)
      return { requeueAfterMs: recheckMs }
    }
    await finalize(namespace, context)
  },
})

/** Deletes the objects of one resource; returns how many are still there because their deletion takes time. */
async function empty(def: ResourceDef, namespace: string, { client }: ControllerContext): Promise<number> {
  const api = client.resource<KubeObject>(def)
  let left = 0
  let token: string | undefined
  do {
    const page = await api.list({ namespace, limit: pageSize, ...(token && { continue: token }) })
    for (const { metadata } of page.items) {
      left++
      if (isTerminating({ metadata })) continue
      await api
        .delete(metadata.name ?? '', { namespace, propagationPolicy: 'Background' })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error
        })
    }
    token = page.metadata.continue
  } while (token)
  return left
}

async function reportRemaining(
  namespace: Namespace,
  left: number,
  { client, clock }: ControllerContext,
): Promise<void> {
  const conditions = setCondition(
    namespace.status?.conditions,
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `${left} objects in the namespace are still being deleted`,
    },
    clock.now().toISOString(),
  )
  if (conditions === namespace.status?.conditions) return
  const status = { ...namespace.status, phase: 'Terminating', conditions: [...conditions] }
  await client.resource<Namespace>(namespaces).updateStatus({ ...namespace, status })
}

async function finalize(namespace: Namespace, { client }: ControllerContext): Promise<void> {
  const finalizers = (namespace.spec.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes')
  try {
    await client
      .resource<Namespace>(namespaces)
      .update({ ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
