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
import { seededRandom } from '../../base/ids.ts'
import { testSeed } from '../../base/test-seed.ts'
import { rbacIndex, type RbacIndex } from './rbac-index.ts'
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

interface RbacObjects {
  readonly roles?: readonly Role[]
  readonly clusterRoles?: readonly ClusterRole[]
  readonly roleBindings?: readonly RoleBinding[]
  readonly clusterRoleBindings?: readonly ClusterRoleBinding[]
}

function indexOf({
  roles = [],
  clusterRoles = [],
  roleBindings = [],
  clusterRoleBindings = [],
}: RbacObjects) {
  const index = rbacIndex()
  for (const each of [...clusterRoles, ...roles]) index.putRole(each)
  for (const each of [...clusterRoleBindings, ...roleBindings]) index.putBinding(each)
  return index
}

const decideBy = (index: RbacIndex, user: AccessUser, namespace: string) =>
  index.authorize(resourceAccess(user, 'get', { group: '', resource: 'pods' }, { namespace, name: 'p' }))
const decide = (objects: RbacObjects, user: AccessUser, namespace: string) =>
  decideBy(indexOf(objects), user, namespace)

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

test('what has changed again and again decides as what was made of the rest at once', (t) => {
  const random = seededRandom(testSeed)
  const pick = (count: number) => Math.floor(random.float() * count)
  const index = rbacIndex()
  const roles = new Map<string, Role | ClusterRole>()
  const bindings = new Map<string, RoleBinding | ClusterRoleBinding>()
  const users = ['ana', 'bo', 'cy'].map((name): AccessUser => ({ name, groups: [`team-${name}`] }))
  const subjects = () =>
    users.flatMap((user): Subject[] =>
      pick(2) ? [] : [pick(2) ? isUser(user.name) : { kind: 'Group', name: user.groups[0] ?? '' }],
    )
  let allowed = 0
  for (let step = 0; step < 2_000; step++) {
    const namespace = ['', 'a', 'b'][pick(3)] ?? ''
    const metadata = { name: `n${pick(3)}`, ...(namespace !== '' && { namespace }) }
    const id = `${namespace}/${metadata.name}`
    const roleRef = { kind: namespace === '' || pick(2) ? 'ClusterRole' : 'Role', name: `n${pick(3)}` }
    const action = pick(4)
    if (action === 0) {
      roles.set(id, { apiVersion, kind: 'Role', metadata, rules: pick(2) ? getPods : [] })
      index.putRole(roles.get(id) as Role)
    } else if (action === 1) {
      bindings.set(id, { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects: subjects() })
      index.putBinding(bindings.get(id) as RoleBinding)
    } else if (action === 2) {
      roles.delete(id)
      index.removeRole(metadata)
    } else {
      bindings.delete(id)
      index.removeBinding(metadata)
    }
    const made = rbacIndex()
    for (const each of roles.values()) made.putRole(each)
    for (const each of bindings.values()) made.putBinding(each)
    for (const user of users)
      for (const place of ['', 'a', 'b']) {
        const decided = decideBy(index, user, place).allowed
        assert.equal(decided, decideBy(made, user, place).allowed, `step ${step}, seed ${testSeed}`)
        if (decided) allowed++
        assert.deepEqual(
          new Set(index.rulesFor(user, place).rules),
          new Set(made.rulesFor(user, place).rules),
        )
      }
  }
  assert(allowed > 1_000)
  t.diagnostic(`${allowed} of ${2_000 * 9} allowed`)
})
