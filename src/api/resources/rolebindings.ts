import { checkPathSegmentName } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { RoleBinding } from '../schema/types.gen.ts'
import { bindingColumns } from './binding-columns.ts'
import { allVerbs } from './strategy.ts'
import { applySubjectDefaults, rbacGroup, validateBinding } from './validate-rbac.ts'

export const roleBindings: ResourceDef<RoleBinding> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'RoleBinding',
  listKind: 'RoleBindingList',
  plural: 'rolebindings',
  singular: 'rolebinding',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('rbac.v1.RoleBinding')
  },
  columns: bindingColumns(),
  createOnUpdate: true,
  validateName: checkPathSegmentName,
  applyDefaults: ({ roleRef, subjects }) => {
    if (roleRef !== undefined) roleRef.apiGroup ||= rbacGroup
    applySubjectDefaults(subjects)
  },
  validate: (binding, old) => validateBinding(binding, old, { namespaced: true }),
}
