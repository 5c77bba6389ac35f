import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../schema/types.gen.ts'
import { rbacIndex, type RbacObjects } from './rbac-index.ts'
import { accessDenied, resourceAccess, type AccessUser } from './request.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const getPods: PolicyRule[] = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
const clusterRole = (name: string, rules = getPods): ClusterRole => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
})
const role = (namespace: string, name: string): Role => ({
  apiVersion,
  kind: 'Role',
  metadata: { namespace, name },
  rules: getPods,
})
const bindAll = (name: string, roleName: string, ...subjects: Subject[]): ClusterRoleBinding => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { kind: 'ClusterRole', name: roleName },
  subjects,
})
const bindIn = (namespace: string, to: string, ...subjects: Subject[]): RoleBinding => ({
  apiVersion,
  kind: 'RoleBinding',
  metadata: { namespace, name: 'local' },
  roleRef: { kind: to.split('/')[0] ?? '', name: to.split('/')[1] ?? '' },
  subjects,
})
const ana: AccessUser = { name: 'ana', groups: ['dev', 'system:authenticated'] }
const robot: AccessUser = { name: 'system:serviceaccount:a:robot', groups: ['system:serviceaccounts'] }
const isUser = (name: string): Subject => ({ kind: 'User', name })

const none: RbacObjects = { roles: [], clusterRoles: [], roleBindings: [], clusterRoleBindings: [] }
const decide = (objects: Partial<RbacObjects>, user: AccessUser, namespace: string) =>
  rbacIndex({ ...none, ...objects }).authorize(
    resourceAccess(user, 'get', { group: '', resource: 'pods' }, { namespace, name: 'p' }),
  )

test('a cluster role bound in the cluster counts everywhere, and says why', () => {
  const objects = {
    clusterRoles: [clusterRole('reader')],
    clusterRoleBindings: [bindAll('b', 'reader', { kind: 'Group', name: 'dev' })],
  }
  const reason = 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "dev"'
  assert.deepEqual(decide(objects, ana, 'a'), { allowed: true, reason })
  assert.equal(decide(objects, ana, '').allowed, true)
  assert.equal(decide(objects, robot, 'a').allowed, false)
})

test('a role, or a cluster role, bound in a namespace counts there alone', () => {
  const own = { roles: [role('a', 'r')], roleBindings: [bindIn('a', 'Role/r', isUser('ana'))] }
  const shared = {
    clusterRoles: [clusterRole('r')],
    roleBindings: [bindIn('a', 'ClusterRole/r', isUser('ana'))],
  }
  for (const objects of [own, shared]) {
    assert.equal(decide(objects, ana, 'a').allowed, true)
    assert.equal(decide(objects, ana, 'b').allowed, false)
    assert.equal(decide(objects, ana, '').allowed, false)
  }
  const reason = 'RBAC: allowed by RoleBinding "local/a" of Role "r" to User "ana"'
  assert.equal(decide(own, ana, 'a').reason, reason)
})

test('a service account without a namespace is one of the binding’s own', () => {
  const subject = { kind: 'ServiceAccount', name: 'robot' }
  const local = { clusterRoles: [clusterRole('r')], roleBindings: [bindIn('a', 'ClusterRole/r', subject)] }
  assert.equal(decide(local, robot, 'a').allowed, true)
  const other = { ...local, roleBindings: [bindIn('b', 'ClusterRole/r', subject)] }
  assert.equal(decide(other, robot, 'b').allowed, false)
  const explicit = { ...local, roleBindings: [bindIn('b', 'ClusterRole/r', { ...subject, namespace: 'a' })] }
  assert.equal(decide(explicit, robot, 'b').allowed, true)
  const cluster = { clusterRoles: [clusterRole('r')], clusterRoleBindings: [bindAll('x', 'r', subject)] }
  assert.equal(decide(cluster, robot, 'a').allowed, false)
})

test('a user is no group of the same name', () => {
  const objects = {
    clusterRoles: [clusterRole('r')],
    clusterRoleBindings: [bindAll('b', 'r', isUser('dev'))],
  }
  assert.equal(decide(objects, ana, 'a').allowed, false)
})

test('a binding to a role that is not there is named in the refusal', () => {
  const decision = decide({ clusterRoleBindings: [bindAll('b', 'gone', isUser('ana'))] }, ana, 'a')
  assert.equal(decision.reason, 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found')
  const request = resourceAccess(ana, 'list', { group: '', resource: 'pods' }, { namespace: 'a' })
  assert.equal(
    accessDenied(request, decision.reason).message,
    'pods is forbidden: User "ana" cannot list resource "pods" in API group "" in the namespace "a": RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  )
})

const refusals: readonly (readonly [Partial<Parameters<typeof accessDenied>[0]>, string])[] = [
  [
    { verb: 'list', namespace: 'default' },
    'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"',
  ],
  [
    { verb: 'get', name: 'p', subresource: 'log', namespace: 'a' },
    'pods "p" is forbidden: User "x" cannot get resource "pods/log" in API group "" in the namespace "a"',
  ],
  [
    { verb: 'create', group: 'apps', resource: 'deployments' },
    'deployments.apps is forbidden: User "x" cannot create resource "deployments" in API group "apps" at the cluster scope',
  ],
  [{ verb: 'get', isResource: false, path: '/metrics' }, 'forbidden: User "x" cannot get path "/metrics"'],
]
test('refusals are upstream’s sentences', () => {
  const base = resourceAccess({ name: 'x', groups: [] }, 'get', { group: '', resource: 'pods' })
  for (const [change, message] of refusals)
    assert.equal(accessDenied({ ...base, ...change }, '').message, message)
})
