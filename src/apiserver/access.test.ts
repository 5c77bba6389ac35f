/** Access control through the front door of a whole server: roles, reviews, impersonation, tokens. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { resources } from '../api/table.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { openCluster, type Cluster, type Headers } from './access-fixture.ts'
import { admin, configMap, pod, refusal } from './fixture.ts'
import type { UserInfo } from './http.ts'
import { openApiServer } from './server.ts'
import { staticAuthenticator, withAuthenticated } from './stages/authenticate.ts'

const rbac = '/apis/rbac.authorization.k8s.io/v1'
const ana: UserInfo = { name: 'ana', groups: ['dev'] }

const role = (name: string, ...rules: object[]) => ({ metadata: { name }, rules })
const rule = (verbs: string[], ...names: string[]) => ({ apiGroups: [''], resources: names, verbs })
const bind = (name: string, roleRef: string, user = 'ana') => ({
  metadata: { name },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: roleRef.split('/')[0],
    name: roleRef.split('/')[1],
  },
  subjects: [{ kind: 'User', name: user }],
})

/** The rules of ana: in `default` she reads pods, everywhere she does what `edit` may. */
async function grant(cluster: Cluster, ...rules: object[]) {
  await cluster.asAdmin('POST', `${rbac}/namespaces/default/roles`, role('r', ...rules))
  await cluster.asAdmin('POST', `${rbac}/namespaces/default/rolebindings`, bind('b', 'Role/r'))
}

test('a user may do what a role in the namespace says, and hears upstream’s words otherwise', async () => {
  await using cluster = await openCluster()
  const list = '/api/v1/namespaces/default/pods'
  const before = await cluster.ask('GET', list, { user: ana })
  assert.equal(
    refusal(before),
    '403 Forbidden: pods is forbidden: User "ana" cannot list resource "pods" in API group "" in the namespace "default"',
  )
  await grant(cluster, rule(['get', 'list'], 'pods'))
  assert.equal((await cluster.ask('GET', list, { user: ana })).status, 200)
  assert.equal((await cluster.ask('GET', '/api/v1/namespaces/kube-system/pods', { user: ana })).status, 403)
  assert.equal(
    refusal(await cluster.ask('GET', '/api/v1/pods', { user: ana })),
    '403 Forbidden: pods is forbidden: User "ana" cannot list resource "pods" in API group "" at the cluster scope',
  )
  assert.equal(
    refusal(await cluster.ask('GET', `${list}/p/log`, { user: ana })),
    '403 Forbidden: pods "p" is forbidden: User "ana" cannot get resource "pods/log" in API group "" in the namespace "default"',
  )
  await cluster.asAdmin('DELETE', `${rbac}/namespaces/default/rolebindings/b`)
  assert.equal((await cluster.ask('GET', list, { user: ana })).status, 403)
})

test('without credentials one is nobody; somebody finds out what there is', async () => {
  await using cluster = await openCluster()
  assert.equal((await cluster.ask('GET', '/api/v1/pods')).status, 401)
  assert.equal((await cluster.ask('GET', '/version')).status, 200)
  assert.equal((await cluster.ask('GET', '/apis', { user: ana })).status, 200)
  assert.equal(
    refusal(await cluster.ask('GET', '/metrics', { user: ana })),
    '403 Forbidden: forbidden: User "ana" cannot get path "/metrics"',
  )
})

test('an apply or a PUT that creates needs the verb create too', async () => {
  await using cluster = await openCluster()
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
  const lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'mine' } }
  const put = () => cluster.ask('PUT', `${leases}/mine`, { user: ana, body: lease })
  const apply = () =>
    cluster.ask('PATCH', `${leases}/mine?fieldManager=ana`, {
      user: ana,
      body: lease,
      headers: { 'content-type': 'application/apply-patch+yaml' },
    })
  const inLeases = (...verbs: string[]) => ({ ...rule(verbs, 'leases'), apiGroups: ['coordination.k8s.io'] })
  await grant(cluster, inLeases('patch', 'update'))
  const why =
    '403 Forbidden: leases.coordination.k8s.io "mine" is forbidden: User "ana" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "default"'
  assert.equal(refusal(await put()), why)
  assert.equal(refusal(await apply()), why)
  const created = inLeases('create', 'patch', 'update')
  await cluster.asAdmin('PUT', `${rbac}/namespaces/default/roles/r`, role('r', created))
  assert.equal((await apply()).status, 201)
  await cluster.asAdmin('DELETE', `${leases}/mine`)
  assert.equal((await put()).status, 201)
})

test('a list of one name counts as that object', async () => {
  await using cluster = await openCluster()
  await grant(cluster, { ...rule(['list', 'watch'], 'configmaps'), resourceNames: ['mine'] })
  const list = '/api/v1/namespaces/default/configmaps'
  assert.equal((await cluster.ask('GET', list, { user: ana })).status, 403)
  assert.equal(
    (await cluster.ask('GET', `${list}?fieldSelector=metadata.name%3Dmine`, { user: ana })).status,
    200,
  )
  assert.equal(
    (await cluster.ask('GET', `${list}?fieldSelector=metadata.name%3Dother`, { user: ana })).status,
    403,
  )
})

test('view reads, edit writes, admin grants: the default roles are there at once, aggregated', async () => {
  await using cluster = await openCluster()
  for (const name of ['view', 'edit', 'admin'])
    await cluster.asAdmin(
      'POST',
      `${rbac}/namespaces/default/rolebindings`,
      bind(name, `ClusterRole/${name}`, name),
    )
  const may = async (name: string, method: string, path: string, body?: object) => {
    const { status } = await cluster.ask(method, path, { user: { name, groups: [] }, body })
    return status !== 403
  }
  const inDefault = '/api/v1/namespaces/default'
  assert.ok(await may('view', 'GET', `${inDefault}/configmaps`))
  assert.ok(!(await may('view', 'GET', `${inDefault}/secrets`)))
  assert.ok(!(await may('view', 'POST', `${inDefault}/configmaps`, configMap('a'))))
  assert.ok(await may('edit', 'GET', `${inDefault}/secrets`))
  assert.ok(await may('edit', 'POST', `${inDefault}/configmaps`, configMap('a')))
  assert.ok(!(await may('edit', 'POST', `${rbac}/namespaces/default/roles`, role('x'))))
  assert.ok(
    await may('admin', 'POST', `${rbac}/namespaces/default/roles`, role('x', rule(['get'], 'secrets'))),
  )
})

test('nobody grants more than they have', async () => {
  await using cluster = await openCluster()
  const all = ['roles', 'rolebindings']
  await grant(
    cluster,
    { apiGroups: ['rbac.authorization.k8s.io'], resources: all, verbs: ['create', 'update', 'get'] },
    rule(['get'], 'pods'),
  )
  const create = (path: string, body: object) =>
    cluster.ask('POST', `${rbac}/namespaces/default/${path}`, { user: ana, body })
  assert.equal((await create('roles', role('fine', rule(['get'], 'pods')))).status, 201)
  assert.equal(
    refusal(await create('roles', role('much', rule(['get', 'list'], 'pods', 'secrets')))),
    `403 Forbidden: roles.rbac.authorization.k8s.io "much" is forbidden: user "ana" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["pods"], Verbs:["list"]}
{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}`,
  )
  assert.equal((await create('rolebindings', bind('fine', 'Role/fine', 'bo'))).status, 201)
  assert.match(
    refusal(await create('rolebindings', bind('x', 'ClusterRole/edit', 'bo'))),
    /attempting to grant/,
  )
  assert.equal(
    refusal(await create('rolebindings', bind('x', 'Role/gone', 'bo'))),
    '404 NotFound: roles.rbac.authorization.k8s.io "gone" not found',
  )
})

test('a role whose words multiply to millions of permissions is refused, not counted out', async () => {
  await using cluster = await openCluster()
  const rbacGroup = ['rbac.authorization.k8s.io']
  await grant(cluster, { apiGroups: rbacGroup, resources: ['roles'], verbs: ['create'] })
  const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`)
  const body = role('much', { apiGroups: words(300), resources: words(300), verbs: words(300) })
  const answer = await cluster.ask('POST', `${rbac}/namespaces/default/roles`, { user: ana, body })
  assert.match(refusal(answer), /^403 Forbidden: .*more than 100000 permissions in one role; use several$/)
})

test('the verbs escalate and bind lift that, for the roles they name', async () => {
  await using cluster = await openCluster()
  const group = { apiGroups: ['rbac.authorization.k8s.io'] }
  await grant(
    cluster,
    { ...group, resources: ['roles'], verbs: ['create', 'escalate'] },
    { ...group, resources: ['rolebindings'], verbs: ['create'] },
    { ...group, resources: ['clusterroles'], verbs: ['bind'], resourceNames: ['view'] },
  )
  const create = async (path: string, body: object) =>
    (await cluster.ask('POST', `${rbac}/namespaces/default/${path}`, { user: ana, body })).status
  assert.equal(await create('roles', role('much', rule(['*'], '*'))), 201)
  assert.equal(await create('rolebindings', bind('v', 'ClusterRole/view', 'bo')), 201)
  assert.equal(await create('rolebindings', bind('e', 'ClusterRole/edit', 'bo')), 403)
})

test('reviews answer what the authorizer would', async () => {
  await using cluster = await openCluster()
  await grant(cluster, rule(['get'], 'pods'))
  const authorization = '/apis/authorization.k8s.io/v1'
  const canI = async (spec: object) => {
    const body = { spec }
    return (await cluster.ask('POST', `${authorization}/selfsubjectaccessreviews`, { user: ana, body })).body
      .status
  }
  const get = { namespace: 'default', verb: 'get', resource: 'pods' }
  assert.deepEqual(await canI({ resourceAttributes: get }), {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "b/default" of Role "r" to User "ana"',
  })
  assert.deepEqual(await canI({ resourceAttributes: { ...get, verb: 'delete' } }), { allowed: false })
  assert.equal((await canI({ nonResourceAttributes: { path: '/api', verb: 'get' } })).allowed, true)

  const asOther = { resourceAttributes: get, user: 'ana' }
  const asked = await cluster.asAdmin('POST', `${authorization}/subjectaccessreviews`, { spec: asOther })
  assert.equal(asked.body.status.allowed, true)
  const local = `${authorization}/namespaces/default/localsubjectaccessreviews`
  assert.equal((await cluster.asAdmin('POST', local, { spec: asOther })).body.status.allowed, true)
  assert.equal((await cluster.ask('POST', local, { user: ana, body: { spec: asOther } })).status, 403)
  const empty = await cluster.ask('POST', `${authorization}/subjectaccessreviews`, {
    user: admin,
    body: { spec: {} },
  })
  assert.match(
    refusal(empty),
    /^422 Invalid: SubjectAccessReview.authorization.k8s.io "" is invalid: \[spec.resourceAttributes: /,
  )

  const rules = await cluster.ask('POST', `${authorization}/selfsubjectrulesreviews`, {
    user: ana,
    body: { spec: { namespace: 'default' } },
  })
  assert.deepEqual(rules.body.status.resourceRules.at(-1), rule(['get'], 'pods'))
  assert.equal(rules.body.status.incomplete, false)

  const who = await cluster.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    user: ana,
    body: {},
  })
  assert.deepEqual(who.body.status.userInfo, { username: 'ana', groups: ['dev', 'system:authenticated'] })
})

test('acting as somebody else needs the verb impersonate, for each thing that is claimed', async () => {
  await using cluster = await openCluster()
  const whoAmI = async (user: UserInfo, headers: Headers) =>
    cluster.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { user, headers, body: {} })
  const seen = async (headers: Headers) => (await whoAmI(admin, headers)).body.status.userInfo
  assert.deepEqual(
    await seen({ 'impersonate-user': 'bo', 'impersonate-group': 'x, y', 'impersonate-extra-a%2fb': 'c' }),
    {
      username: 'bo',
      groups: ['x, y', 'system:authenticated'],
      extra: { 'a/b': ['c'] },
    },
  )
  assert.deepEqual((await seen({ 'impersonate-user': 'system:serviceaccount:default:robot' })).groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ])
  assert.equal(
    refusal(await whoAmI(ana, { 'impersonate-user': 'bo' })),
    '403 Forbidden: users "bo" is forbidden: User "ana" cannot impersonate resource "users" in API group "" at the cluster scope',
  )
  await cluster.asAdmin('POST', `${rbac}/clusterroles`, role('imp', rule(['impersonate'], 'users')))
  await cluster.asAdmin('POST', `${rbac}/clusterrolebindings`, bind('imp', 'ClusterRole/imp'))
  assert.equal((await whoAmI(ana, { 'impersonate-user': 'bo' })).status, 201)
  // Not even by way of a group.
  assert.equal(
    (await whoAmI(ana, { 'impersonate-user': 'bo', 'impersonate-group': 'system:masters' })).status,
    403,
  )
  assert.equal((await whoAmI(ana, { 'impersonate-group': 'x' })).status, 400)
})

test('whoever is somebody may do nothing where the table has no roles to say so', async () => {
  await using store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  await using server = await openApiServer({
    store,
    resources: resources.filter(({ group }) => group === ''),
    authenticate: staticAuthenticator([]),
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
  })
  const list = async (user: UserInfo) =>
    (await server.handle({ method: 'GET', path: '/api/v1/configmaps', headers: {}, user })).status
  assert.equal(await list(withAuthenticated(ana)), 403)
  assert.equal(await list({ name: 'system:node:n', groups: ['system:nodes', 'system:authenticated'] }), 403)
  assert.equal(await list(admin), 200)
})

test('a WebSocket that runs a command needs the verb create, though it is asked for by GET', async () => {
  await using cluster = await openCluster()
  await grant(cluster, rule(['get'], 'pods/exec'))
  const answerOf = async (path: string) => {
    const socket = new PassThrough()
    await cluster.server.upgrade(
      { method: 'GET', path, headers: { upgrade: 'websocket' }, user: ana },
      socket,
      new Uint8Array(),
    )
    return Buffer.concat(await Array.fromAsync(socket)).toString()
  }
  const answer = await answerOf('/api/v1/namespaces/default/pods/p/exec?command=id')
  assert.match(answer, /^HTTP\/1.1 403 /)
  assert.match(answer, /User \\"ana\\" cannot create resource \\"pods\/exec\\"/)
})

test('a greedy client is told to wait, and others are answered before it', async () => {
  await using cluster = await openCluster()
  for (const name of ['greedy', 'modest'])
    await cluster.asAdmin('POST', `${rbac}/clusterrolebindings`, bind(name, 'ClusterRole/view', name))
  const list = async (name: string) => {
    const answer = await cluster.ask('GET', '/api/v1/configmaps', { user: { name, groups: [] } })
    order.push(name)
    return answer
  }
  const order: string[] = []
  await list('modest')
  order.length = 0
  const greedy = Array.from({ length: 1_500 }, () => list('greedy'))
  const modest = await list('modest')
  assert.equal(modest.status, 200)
  const answers = await Promise.all(greedy)
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length > 0 && refused.every(({ headers }) => headers['retry-after'] === '1'))
  const served = answers.length - refused.length
  assert.ok(
    order.indexOf('modest') - refused.length < served / 2,
    `answered as number ${order.indexOf('modest')}`,
  )
})

test('a role in one namespace opens nothing outside of it, on a WebSocket no more than without', async () => {
  await using cluster = await openCluster()
  await grant(cluster, { apiGroups: ['*'], resources: ['*'], verbs: ['*'] })
  const path = '/api/v1/namespaces/default/nodes?watch=true'
  assert.equal((await cluster.ask('GET', path, { user: ana })).status, 404)
  const socket = new PassThrough()
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  }
  await cluster.server.upgrade({ method: 'GET', path, headers, user: ana }, socket, new Uint8Array())
  const [head = ''] = String(socket.read()).split('\r\n')
  socket.destroy()
  assert.equal(head, 'HTTP/1.1 404 Not Found')
})

test('a node reads what its pods refer to, and nothing of that name in other namespaces', async () => {
  await using cluster = await openCluster()
  await cluster.asAdmin('POST', '/api/v1/namespaces', { metadata: { name: 'other' } })
  for (const namespace of ['default', 'other'])
    await cluster.asAdmin('POST', `/api/v1/namespaces/${namespace}/configmaps`, configMap('shared'))
  await cluster.asAdmin('POST', '/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'default' },
  })
  const own = pod('p', {
    nodeName: 'n1',
    volumes: [{ name: 'v', configMap: { name: 'shared' } }],
  })
  await cluster.asAdmin('POST', '/api/v1/namespaces/default/pods', own)
  const user = { name: 'system:node:n1', groups: ['system:nodes'] }
  const get = async (path: string) => (await cluster.ask('GET', path, { user })).status
  const named = 'configmaps?fieldSelector=metadata.name%3Dshared'
  assert.equal(await get(`/api/v1/namespaces/default/${named}`), 200)
  assert.equal(await get(`/api/v1/namespaces/other/${named}`), 403)
  assert.equal(await get(`/api/v1/${named}`), 403)
})

test('a path of nothing but slashes, which anybody may send, costs no more than reading it', async () => {
  await using cluster = await openCluster()
  // A regular expression that goes back at each slash would take minutes.
  const { status } = await cluster.ask('GET', `/healthz${'/'.repeat(1_000_000)}x`)
  assert.equal(status, 404)
  assert.equal((await cluster.ask('GET', '/healthz//')).status, 200)
})
