import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openFixture, type Answer, type Fixture } from './fixture.ts'

let fixture: Fixture
before(async () => void (fixture = await openFixture()))
after(() => fixture[Symbol.asyncDispose]())
const get = (path: string, headers?: Readonly<Record<string, string>>) =>
  fixture.request('GET', path, undefined, headers)

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const wish = `${aggregated},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`

test('a client that can takes everything of a root in one document', async () => {
  const { body, headers } = await get('/apis', { accept: wish })
  assert.equal(headers['content-type'], aggregated)
  assert.deepEqual([body.kind, body.apiVersion], ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2'])
  const apps = body.items.find((item: Answer['body']) => item.metadata.name === 'apps')
  const [version] = apps.versions
  assert.deepEqual([version.version, version.freshness], ['v1', 'Current'])
  const deployments = version.resources.find((each: Answer['body']) => each.resource === 'deployments')
  assert.deepEqual(deployments, {
    resource: 'deployments',
    responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    scope: 'Namespaced',
    singularResource: 'deployment',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['deploy'],
    categories: ['all'],
    subresources: [
      {
        subresource: 'scale',
        responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        verbs: ['get', 'patch', 'update'],
      },
      {
        subresource: 'status',
        responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        verbs: ['get', 'patch', 'update'],
      },
    ],
  })
})

test('the parameters of the wish may come in any order', async () => {
  const { headers } = await get('/api', {
    accept: 'application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io',
  })
  assert.equal(headers['content-type'], aggregated)
})

test('others walk the legacy documents', async () => {
  assert.deepEqual((await get('/api')).body.versions, ['v1'])
  const { body: groups } = await get('/apis')
  assert.equal(groups.kind, 'APIGroupList')
  assert.deepEqual(
    groups.groups.find(({ name }: Answer['body']) => name === 'apps'),
    (({ kind: _k, apiVersion: _v, ...rest }) => rest)((await get('/apis/apps')).body),
  )
  const { body: core } = await get('/api/v1')
  const names = core.resources.map(({ name }: Answer['body']) => name)
  for (const name of ['pods', 'pods/log', 'pods/binding', 'pods/eviction', 'bindings', 'namespaces/finalize'])
    assert.ok(names.includes(name), name)
  const eviction = core.resources.find(({ name }: Answer['body']) => name === 'pods/eviction')
  assert.deepEqual([eviction.group, eviction.version, eviction.kind], ['policy', 'v1', 'Eviction'])
})

test('documents have a tag, and a client that has them is told so', async () => {
  const first = await get('/apis', { accept: wish })
  const tag = first.headers['etag'] ?? ''
  const again = await get('/apis', { accept: wish, 'if-none-match': tag })
  assert.deepEqual([again.status, again.text], [304, ''])
})

test('OpenAPI v3: an index, documents under their hash', async () => {
  const { body } = await get('/openapi/v3')
  const { serverRelativeURL } = body.paths['apis/apps/v1']
  assert.match(serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{32}$/)
  const document = await get(serverRelativeURL)
  assert.equal(document.headers['cache-control'], 'public, immutable, max-age=31536000')
  const operation = document.body.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch
  assert.deepEqual(operation['x-kubernetes-group-version-kind'], {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
  })
  assert.equal((await get('/openapi/v3/apis/apps/v1')).headers['cache-control'], 'no-cache, private')
  assert.equal((await get('/openapi/v3/apis/nobody/v1')).status, 404)
})

for (const [accept, expected] of [
  ['', 'application/json'],
  ['application/json, */*', 'application/json'],
  [
    'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  ],
] as const)
  test(`OpenAPI v2, asked for as "${accept}"`, async () => {
    const { status, headers, text } = await get('/openapi/v2', { accept })
    assert.deepEqual([status, headers['content-type']], [200, expected])
    assert.ok(text.includes('io.k8s.api.apps.v1.DeploymentSpec'))
  })

test('OpenAPI v2 has no other form', async () => {
  const { status, body } = await get('/openapi/v2', { accept: 'text/html' })
  assert.deepEqual([status, body.reason], [406, 'NotAcceptable'])
})

test('version, paths and health', async () => {
  assert.match((await get('/version')).body.gitVersion, /^v1\.\d+\.\d+$/)
  assert.ok((await get('/')).body.paths.includes('/apis/apps/v1'))
  assert.equal((await get('/healthz')).text, 'ok')
  assert.equal(
    (await get('/readyz?verbose')).text,
    '[+]ping ok\n[+]store ok\n[+]shutdown ok\nreadyz check passed\n',
  )
  assert.equal(
    (await get('/readyz?verbose&exclude=store')).text,
    '[+]ping ok\n[+]shutdown ok\nreadyz check passed\n',
  )
  assert.equal((await get('/readyz/nothing')).status, 404)
  assert.equal((await fixture.request('POST', '/version')).status, 405)
})

test('a store that is gone makes the server unready, without saying why to everybody', async () => {
  const other = await openFixture()
  await other.store[Symbol.asyncDispose]()
  const { status, text } = await other.request('GET', '/readyz')
  assert.deepEqual(
    [status, text],
    [500, '[+]ping ok\n[-]store failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n'],
  )
  assert.equal((await other.request('GET', '/livez')).text, 'ok')
  const refused = await other.request('GET', '/api/v1/namespaces/default')
  assert.deepEqual([refused.status, refused.body.reason], [503, 'ServiceUnavailable'])
  await other.server[Symbol.asyncDispose]()
})
