/** Counts what a namespace uses of its quotas: after deletions, after changes of the quota, and once in a while. */
import { isEqual } from '../api/equal.ts'
import type { KubeObject } from '../api/meta.ts'
import { formatQuantity, zeroQuantity } from '../api/quantity.ts'
import { addTo, type Amounts } from '../api/quota/pod-amounts.ts'
import { chargeOf } from '../api/quota/quota.ts'
import { concerns } from '../api/quota/usage.ts'
import type { ResourceDef } from '../api/resource.ts'
import { customResourceDefinitions } from '../api/resources/customresourcedefinitions.ts'
import { pods } from '../api/resources/pods.ts'
import { resourceQuotas } from '../api/resources/resourcequotas.ts'
import { services } from '../api/resources/services.ts'
import type { ResourceQuota } from '../api/schema/types.gen.ts'
import type { Client } from '../client/client.ts'
import type { ControllerSpec, LoopContext } from '../client/controller.ts'
import { customResourcesOf } from './crd-resources.ts'

/** How late a deleted custom object, and what a failed write has left taken, is counted off. */
const recountMs = 10_000
const pageSize = 500
/** Admission takes from the quota first and writes the object then: what it has just taken is not counted off yet. */
const settleMs = 500

/** `resources`: everything that a quota may count. */
export const resourceQuotaController = (resources: readonly ResourceDef[]): ControllerSpec => {
  const countable = resources.filter(
    ({ namespaced, storage, verbs }) => namespaced && !storage && verbs.includes('list'),
  )
  /** Quota → the state in which it was seen before it was counted. */
  const seen = new Map<string, string>()
  return {
    name: 'resourcequota',
    component: 'resourcequota-controller',
    watches: resourceQuotas,
    triggers: [
      ...[pods, services].map((resource) => ({ resource, keys: quotasOf(resource) })),
      ...countable
        .filter(({ verbs }) => verbs.includes('watch'))
        .map((resource) => ({ resource, keys: quotasOf(resource), isDeletion: true })),
    ],
    reads: [customResourceDefinitions],
    workers: 1,
    async reconcile({ name, namespace }, { client, informers }) {
      const quota = informers.for<ResourceQuota>(resourceQuotas).get(namespace, name)
      const key = `${namespace}/${name}`
      if (!quota) return void seen.delete(key)
      const { hard = {} } = quota.spec
      const { resourceVersion = '' } = quota.metadata
      if (isEqual(quota.status?.hard, hard) && seen.get(key) !== resourceVersion) {
        seen.set(key, resourceVersion)
        return { requeueAfterMs: settleMs }
      }
      const total: Amounts = Object.fromEntries(Object.keys(hard).map((each) => [each, zeroQuantity]))
      const custom = customResourcesOf(informers).filter(({ namespaced }) => namespaced)
      for (const def of [...countable, ...custom].filter((each) => concerns(each, hard)))
        for await (const object of objectsOf(client, def, namespace))
          addTo(total, chargeOf(quota.spec, def, object))
      const used = Object.fromEntries(Object.entries(total).map(([each, sum]) => [each, formatQuantity(sum)]))
      const status = { hard, used }
      if (!isEqual(status, { hard: quota.status?.hard, used: quota.status?.used }))
        await client.resource<ResourceQuota>(resourceQuotas).updateStatus({ ...quota, status })
      return { requeueAfterMs: recountMs }
    },
  }
}

/** The quotas of its namespace that count such objects. */
const quotasOf =
  (def: Pick<ResourceDef, 'group' | 'plural'>) =>
  ({ metadata }: KubeObject, { informers }: LoopContext): readonly string[] =>
    informers
      .for<ResourceQuota>(resourceQuotas)
      .list()
      .filter((quota) => quota.metadata.namespace === metadata.namespace)
      .filter(({ spec }) => concerns(def, spec.hard ?? {}))
      .map((quota) => `${quota.metadata.namespace}/${quota.metadata.name}`)

/** From the server, not from a cache: an object that is not in it yet would be counted off again. */
async function* objectsOf(client: Client, def: ResourceDef, namespace: string): AsyncGenerator<KubeObject> {
  const api = client.resource<KubeObject>(def)
  let token: string | undefined
  do {
    const page = await api.list({ namespace, limit: pageSize, ...(token && { continue: token }) })
    yield* page.items
    token = page.metadata.continue
  } while (token)
}
