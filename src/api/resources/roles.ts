import { checkPathSegmentName } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Role } from '../schema/types.gen.ts'
import { createdAtColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { rbacGroup, validateRules } from './validate-rbac.ts'

export const roles: ResourceDef<Role> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'Role',
  listKind: 'RoleList',
  plural: 'roles',
  singular: 'role',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('rbac.v1.Role')
  },
  columns: [nameColumn(), createdAtColumn()],
  createOnUpdate: true,
  // Names may have colons and capitals: `system:node-proxier`.
  validateName: checkPathSegmentName,
  validate: ({ rules }) => validateRules(rules ?? [], { namespaced: true }),
}
