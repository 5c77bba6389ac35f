import type { Namespace, NamespaceCondition } from '../api/schema/types.gen.ts'
import { setCondition } from '../api/conditions.ts'
import { isTerminating, type KubeObject } from '../api/meta.ts'
import { isStorageVersion, type ResourceDef } from '../api/resource.ts'
import { customResourceDefinitions } from '../api/resources/customresourcedefinitions.ts'
import { namespaces } from '../api/resources/namespaces.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { customResourcesOf } from './crd-resources.ts'
import { ignoreNotFound, timestamp } from './owned.ts'

/** Contents whose own deletion takes time (pods) are looked at again this often. */
const recheckMs = 500
/** After contents that nothing seemed to hold: they are mostly gone by now. */
const promptRecheckMs = 20
/** Objects listed and deleted at a time. */
const pageSize = 500

/** Empties a namespace that is being deleted, then lets it go. `resources` is everything that may live in one. */
export const namespaceController = (resources: readonly ResourceDef[]): ControllerSpec => ({
  name: 'namespace',
  component: 'namespace-controller',
  watches: namespaces,
  reads: [customResourceDefinitions],
  workers: 2,
  async reconcile({ name }, context) {
    const namespace = context.informers.for<Namespace>(namespaces).get('', name)
    if (!namespace || !isTerminating(namespace)) return
    if (!(namespace.spec.finalizers ?? []).includes('kubernetes')) return
    // A version that isn't the stored one shows the same objects once more.
    const namespaced = [...resources, ...customResourcesOf(context.informers)].filter(
      (def) => def.namespaced && def.verbs.includes('delete') && isStorageVersion(def),
    )
    const left: Remainder[] = []
    for (const def of namespaced) left.push(await empty(def, name, context))
    const waiting = left.filter(({ count }) => count > 0)
    if (waiting.length > 0) await reportRemaining(namespace, waiting, context)
    if (left.some(({ count, deleted }) => count + deleted > 0))
      return { requeueAfterMs: waiting.length > 0 ? recheckMs : promptRecheckMs }
    await finalize(namespace, context)
  },
})

export interface Remainder {
  readonly def: Pick<ResourceDef, 'group' | 'plural'>
  /** Objects deleted just now; whether they are gone, only the next look tells. */
  readonly deleted: number
  /** Objects whose deletion takes time. */
  readonly count: number
  /** How many of these wait for which finalizer. */
  readonly finalizers: ReadonlyMap<string, number>
}

async function empty(def: ResourceDef, namespace: string, { client }: ControllerContext): Promise<Remainder> {
  const api = client.resource<KubeObject>(def)
  const finalizers = new Map<string, number>()
  let [deleted, count] = [0, 0]
  let token: string | undefined
  do {
    const page = await api.list({ namespace, limit: pageSize, ...(token && { continue: token }) })
    for (const { metadata } of page.items) {
      if (isTerminating({ metadata })) {
        count++
        for (const one of metadata.finalizers ?? []) finalizers.set(one, (finalizers.get(one) ?? 0) + 1)
        continue
      }
      deleted++
      await ignoreNotFound(api.delete(metadata.name ?? '', { namespace, propagationPolicy: 'Background' }))
    }
    token = page.metadata.continue
  } while (token)
  return { def, deleted, count, finalizers }
}

/** Says on the namespace what it waits for, in upstream's words. */
async function reportRemaining(
  namespace: Namespace,
  waiting: readonly Remainder[],
  { client, clock }: ControllerContext,
): Promise<void> {
  const before: readonly NamespaceCondition[] = namespace.status?.conditions ?? []
  const nowIso = timestamp(clock.now().getTime())
  const conditions = remainingConditions(waiting).reduce(
    (list, condition) => setCondition(list, condition, nowIso),
    before,
  )
  if (conditions === before) return
  const status = { ...namespace.status, phase: 'Terminating', conditions: [...conditions] }
  await ignoreNotFound(client.resource<Namespace>(namespaces).updateStatus({ ...namespace, status }))
}

/** kubernetes pkg/controller/namespace/deletion/status_condition_utils.go */
export function remainingConditions(waiting: readonly Remainder[]): readonly NamespaceCondition[] {
  const contents = waiting.map(
    ({ def, count }) => `${def.plural}.${def.group} has ${count} resource instances`,
  )
  const byFinalizer = new Map<string, number>()
  for (const { finalizers } of waiting)
    for (const [name, count] of finalizers) byFinalizer.set(name, (byFinalizer.get(name) ?? 0) + count)
  const held = [...byFinalizer].map(([name, count]) => `${name} in ${count} resource instances`)
  return [
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${contents.toSorted().join(', ')}`,
    },
    held.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${held.toSorted().join(', ')}`,
        }
      : {
          type: 'NamespaceFinalizersRemaining',
          status: 'False',
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        },
  ]
}

async function finalize(namespace: Namespace, { client }: ControllerContext): Promise<void> {
  const finalizers = (namespace.spec.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes')
  const finalized = { ...namespace, spec: { ...namespace.spec, finalizers } }
  const api = client.resource<Namespace>(namespaces)
  await ignoreNotFound(api.update(finalized, { subresource: 'finalize' }))
}
