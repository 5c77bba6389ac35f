/** Keeps the rules of ClusterRoles that gather those of others, whenever one of these changes. */
import { aggregatedRules } from '../api/access/aggregate.ts'
import { isEqual } from '../api/equal.ts'
import type { KubeObject } from '../api/meta.ts'
import { clusterRoles } from '../api/resources/clusterroles.ts'
import type { ClusterRole } from '../api/schema/types.gen.ts'
import type { ControllerSpec, LoopContext } from '../client/controller.ts'

export const clusterRoleAggregationController: ControllerSpec = {
  name: 'clusterrole-aggregation',
  component: 'clusterrole-aggregation-controller',
  watches: clusterRoles,
  // A change of any role may concern every role that gathers.
  triggers: [{ resource: clusterRoles, keys: (_role: KubeObject, context) => gathering(context) }],
  workers: 1,
  async reconcile({ name }, { client, informers }) {
    const cache = informers.for<ClusterRole>(clusterRoles)
    const role = cache.get('', name)
    const rules = role && aggregatedRules(role, cache.list())
    if (!role || !rules || isEqual(rules, role.rules ?? [])) return
    await client.resource<ClusterRole>(clusterRoles).update({ ...role, rules })
  },
}

const gathering = ({ informers }: LoopContext): readonly string[] =>
  informers
    .for<ClusterRole>(clusterRoles)
    .list()
    .flatMap(({ aggregationRule, metadata }) => (aggregationRule ? [metadata.name ?? ''] : []))
