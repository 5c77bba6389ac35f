import { checkPathSegmentName } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ClusterRole } from '../schema/types.gen.ts'
import { createdAtColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { rbacGroup, validateAggregation, validateRules } from './validate-rbac.ts'

export const clusterRoles: ResourceDef<ClusterRole> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRole',
  listKind: 'ClusterRoleList',
  plural: 'clusterroles',
  singular: 'clusterrole',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('rbac.v1.ClusterRole')
  },
  columns: [nameColumn(), createdAtColumn()],
  createOnUpdate: true,
  validateName: checkPathSegmentName,
  validate: ({ aggregationRule, rules }) => [
    ...validateRules(rules ?? [], { namespaced: false }),
    ...validateAggregation(aggregationRule),
  ],
}
