import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../schema/types.gen.ts'
import { clusterRoleBindings } from './clusterrolebindings.ts'
import { clusterRoles } from './clusterroles.ts'
import { roleBindings } from './rolebindings.ts'
import { roles } from './roles.ts'
import { createCases, updateCases } from './rows.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
const role: Role = { apiVersion, kind: 'Role', metadata: { name: 'r', namespace: 'default' }, rules }
const clusterRole: ClusterRole = { apiVersion, kind: 'ClusterRole', metadata: { name: 'system:r' }, rules }

for (const { name, found, expected } of createCases({ def: roles, base: role }, [
  { name: 'no rules at all', set: { rules: undefined } },
  {
    name: 'a rule about nothing',
    set: { rules: [{}] },
    errors: [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  },
  {
    name: 'URLs, which are in no namespace',
    set: { rules: [{ nonResourceURLs: ['/healthz'], verbs: ['get'] }] },
    errors: [
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of createCases({ def: clusterRoles, base: clusterRole }, [
  { name: 'URLs', set: { rules: [{ nonResourceURLs: ['/healthz'], verbs: ['get'] }] } },
  {
    name: 'URLs and resources at once',
    set: { rules: [{ nonResourceURLs: ['/healthz'], resources: ['pods'], verbs: ['get'] }] },
    errors: [
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  },
  {
    name: 'a sum of nothing',
    set: { aggregationRule: {} },
    errors: [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const subjects = [
  { kind: 'User', name: 'ann' },
  { kind: 'ServiceAccount', name: 'bot', namespace: 'ci' },
]
const binding: RoleBinding = {
  apiVersion,
  kind: 'RoleBinding',
  metadata: { name: 'b', namespace: 'default' },
  roleRef: { kind: 'Role', name: 'r' },
  subjects,
}
const clusterBinding: ClusterRoleBinding = {
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'b' },
  roleRef: { kind: 'ClusterRole', name: 'r' },
  subjects,
}
const group = 'rbac.authorization.k8s.io'

for (const { name, found, expected } of createCases({ def: roleBindings, base: binding }, [
  { name: 'a role of the cluster', set: { 'roleRef.kind': 'ClusterRole' } },
  {
    name: 'no role',
    set: { roleRef: { apiGroup: 'apps', kind: 'Deployment' } },
    errors: [
      `roleRef.apiGroup: Unsupported value: "apps": supported values: "${group}"`,
      'roleRef.kind: Unsupported value: "Deployment": supported values: "Role", "ClusterRole"',
      'roleRef.name: Required value',
    ],
  },
  {
    name: 'subjects of odd kinds',
    set: {
      subjects: [
        { kind: 'Robot', name: 'r2' },
        { kind: 'Group', name: '' },
        { kind: 'ServiceAccount', name: 'A', apiGroup: group },
      ],
    },
    errors: [
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      'subjects[1].name: Required value',
      'subjects[1].name: Invalid value: "": group name cannot be empty',
      `subjects[2].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      `subjects[2].apiGroup: Unsupported value: "${group}": supported values: ""`,
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of createCases({ def: clusterRoleBindings, base: clusterBinding }, [
  {
    name: 'a role of some namespace, an account of none',
    set: { 'roleRef.kind': 'Role', subjects: [{ kind: 'ServiceAccount', name: 'bot' }] },
    errors: [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'subjects[0].namespace: Required value',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: roleBindings, base: binding }, [
  { name: 'other subjects', set: { subjects: [] } },
  {
    name: 'another role',
    set: { 'roleRef.name': 'admin' },
    errors: [
      `roleRef: Invalid value: {"APIGroup":"${group}","Kind":"Role","Name":"admin"}: cannot change roleRef`,
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
