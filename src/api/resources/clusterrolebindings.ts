import { checkPathSegmentName } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ClusterRoleBinding } from '../schema/types.gen.ts'
import { bindingColumns } from './binding-columns.ts'
import { allVerbs } from './strategy.ts'
import { applySubjectDefaults, rbacGroup, validateBinding } from './validate-rbac.ts'

export const clusterRoleBindings: ResourceDef<ClusterRoleBinding> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  listKind: 'ClusterRoleBindingList',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('rbac.v1.ClusterRoleBinding')
  },
  columns: bindingColumns(),
  createOnUpdate: true,
  validateName: checkPathSegmentName,
  applyDefaults: ({ roleRef, subjects }) => {
    if (roleRef !== undefined) roleRef.apiGroup ||= rbacGroup
    applySubjectDefaults(subjects)
  },
  validate: (binding, old) => validateBinding(binding, old, { namespaced: false }),
}
