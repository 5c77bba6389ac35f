/**
 * Bad requests over a real connection: for each the exact Status that a client gets, in
 * `tests/testdata/bad-input/CASE.json` (`UPDATE=1` writes them anew). `src/apiserver/malformed.test.ts` has more cases,
 * without a socket.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openApi, type Api, type ApiAsk } from '../support/api.ts'
import { openCluster, root, type Cluster } from '../support/cluster.ts'
import { configMap, deployment, yaml } from '../support/manifests.ts'

let cluster: Cluster
let admin: Api
let nobody: Api
before(async () => {
  cluster = await openCluster()
  admin = await openApi(cluster.kubeconfig)
  nobody = await openApi(cluster.kubeconfig, 'nobody')
  cluster.ok('apply -f -', {
    input: yaml(configMap('present', { a: '1' }), deployment({ name: 'web', replicas: 0 })),
  })
})
after(async () => {
  admin[Symbol.dispose]()
  nobody[Symbol.dispose]()
  await cluster[Symbol.asyncDispose]()
})

const maps = '/api/v1/namespaces/default/configmaps'
const deployments = '/apis/apps/v1/namespaces/default/deployments'
const merge = { 'content-type': 'application/merge-patch+json' }
const strategic = { 'content-type': 'application/strategic-merge-patch+json' }
const jsonPatch = { 'content-type': 'application/json-patch+json' }
const protobuf = { 'content-type': 'application/vnd.kubernetes.protobuf' }
const query = (text: string) => encodeURIComponent(text)
const bytesMax = 3 * 1024 * 1024
const bare = ({ metadata, ...rest }: ReturnType<typeof configMap>, more: object) => ({
  ...rest,
  metadata: { ...metadata, ...more },
})

const cases: Readonly<Record<string, ApiAsk>> = {
  'body-above-3-mib': { method: 'POST', path: maps, body: configMap('big', { a: 'x'.repeat(bytesMax) }) },
  'patch-above-3-mib': {
    method: 'PATCH',
    path: `${maps}/present`,
    headers: merge,
    body: { data: { a: 'x'.repeat(bytesMax) } },
  },
  'object-above-the-limit-of-its-kind': {
    method: 'POST',
    path: maps,
    body: configMap('big', { a: 'x'.repeat(1_100_000) }),
  },
  'json-cut-off': { method: 'POST', path: maps, body: '{"metadata":{"name":"a"' },
  'json-empty': { method: 'POST', path: maps, body: '' },
  'json-not-an-object': { method: 'POST', path: maps, body: '"text"' },
  'json-twice': { method: 'POST', path: maps, body: '{"metadata":{"name":"a"}}{}' },
  'json-nested-too-deep': { method: 'POST', path: maps, body: `{"data":${'['.repeat(200_000)}` },
  'json-bad-utf8': {
    method: 'POST',
    path: maps,
    body: Buffer.concat([
      Buffer.from('{"metadata":{"name":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}}'),
    ]),
  },
  'json-name-of-control-characters': { method: 'POST', path: maps, body: configMap('a\u0000b', {}) },
  'protobuf-cut-off': {
    method: 'POST',
    path: maps,
    headers: protobuf,
    body: Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 0x20, 0x0a]),
  },
  'protobuf-without-its-magic': { method: 'POST', path: maps, headers: protobuf, body: 'k8x' },
  'content-type-unknown': {
    method: 'POST',
    path: maps,
    headers: { 'content-type': 'text/csv' },
    body: 'a,b',
  },
  'content-type-of-a-patch': { method: 'PATCH', path: `${maps}/present`, body: {} },
  'accept-unknown': { path: maps, headers: { accept: 'image/png' } },
  'resource-unknown': { path: '/api/v1/namespaces/default/sloops' },
  'group-unknown': { path: '/apis/sea.example/v1/sloops' },
  'version-unknown': { path: '/apis/apps/v9/deployments' },
  'path-unknown': { path: '/harbour' },
  'path-badly-escaped': { path: '/api/v1/namespaces/%zz/pods' },
  'subresource-unknown': { path: `${maps}/present/sails` },
  'name-missing': { path: `${maps}/absent` },
  'namespace-missing': {
    method: 'POST',
    path: '/api/v1/namespaces/nowhere/configmaps',
    body: configMap('a', {}),
  },
  'label-selector-bad': { path: `${maps}?labelSelector=${query('a in (b')}` },
  'label-selector-bad-key': { path: `${maps}?labelSelector=${query('a b=c')}` },
  'field-selector-bad': { path: `${maps}?fieldSelector=what` },
  'field-selector-unknown': { path: `/api/v1/pods?fieldSelector=${query('spec.colour=red')}` },
  'continue-bad': { path: `${maps}?limit=1&continue=${query('!!')}` },
  'post-to-an-object': { method: 'POST', path: `${maps}/present`, body: {} },
  'limit-bad': { path: `${maps}?limit=many` },
  'version-of-a-list-bad': { path: `${maps}?resourceVersion=abc` },
  'version-of-the-future': { path: `${maps}?resourceVersion=99999999&resourceVersionMatch=NotOlderThan` },
  'watch-version-bad': { path: `${maps}?watch=true&resourceVersion=abc` },
  'version-wrong-on-put': {
    method: 'PUT',
    path: `${maps}/present`,
    body: bare(configMap('present', {}), { resourceVersion: '1' }),
  },
  'version-on-create': {
    method: 'POST',
    path: maps,
    body: bare(configMap('a', {}), { resourceVersion: '1' }),
  },
  'already-there': { method: 'POST', path: maps, body: configMap('present', {}) },
  'name-not-that-of-the-path': { method: 'PUT', path: `${maps}/present`, body: configMap('other', {}) },
  'kind-not-that-of-the-path': {
    method: 'POST',
    path: maps,
    body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } },
  },
  'group-not-that-of-the-path': {
    method: 'POST',
    path: maps,
    body: { apiVersion: 'apps/v1', kind: 'ConfigMap', metadata: { name: 'a' } },
  },
  'method-not-allowed': { method: 'PUT', path: maps, body: {} },
  'method-not-allowed-on-a-path': { method: 'POST', path: '/version', body: {} },
  'method-unknown': { method: 'PURGE', path: maps },
  'fields-strict': {
    method: 'POST',
    path: `${maps}?fieldValidation=Strict`,
    body: { ...configMap('strict', {}), dat: 1, metadata: { name: 'strict', lable: {} } },
  },
  'fields-strict-duplicate': {
    method: 'POST',
    path: `${maps}?fieldValidation=Strict`,
    body: '{"metadata":{"name":"a"},"data":{"x":"1"},"data":{"x":"2"}}',
  },
  'fields-strict-patch': {
    method: 'PATCH',
    path: `${deployments}/web?fieldValidation=Strict`,
    headers: strategic,
    body: { spec: { replica: 3 } },
  },
  'fields-validation-unknown': {
    method: 'POST',
    path: `${maps}?fieldValidation=Perhaps`,
    body: configMap('a', {}),
  },
  'type-wrong': {
    method: 'PATCH',
    path: `${deployments}/web`,
    headers: merge,
    body: { spec: { replicas: 'many' } },
  },
  'number-too-large': {
    method: 'PATCH',
    path: `${deployments}/web`,
    headers: merge,
    body: { spec: { replicas: 2 ** 31 } },
  },
  'value-wrong': {
    method: 'PATCH',
    path: `${deployments}/web`,
    headers: strategic,
    body: { spec: { replicas: -1, progressDeadlineSeconds: 0 } },
  },
  'json-patch-not-a-list': { method: 'PATCH', path: `${maps}/present`, headers: jsonPatch, body: {} },
  'json-patch-missing-path': {
    method: 'PATCH',
    path: `${maps}/present`,
    headers: jsonPatch,
    body: [{ op: 'remove', path: '/data/none' }],
  },
  'json-patch-test-fails': {
    method: 'PATCH',
    path: `${maps}/present`,
    headers: jsonPatch,
    body: [{ op: 'test', path: '/data/a', value: '2' }],
  },
  'dry-run-unknown': { method: 'POST', path: `${maps}?dryRun=Perhaps`, body: configMap('a', {}) },
  'delete-options-bad': {
    method: 'DELETE',
    path: `${maps}/present`,
    body: { propagationPolicy: 'Sometimes' },
  },
  'scale-negative': {
    method: 'PUT',
    path: `${deployments}/web/scale`,
    body: { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'web' }, spec: { replicas: -1 } },
  },
}

for (const [name, ask] of Object.entries(cases)) {
  test(name, async () => compare(name, ask, await admin.ask(ask)))
}

test('a continue token and a version', async () => {
  const { body } = await admin.ask({ path: '/api/v1/namespaces?limit=1' })
  const token = (JSON.parse(body) as { metadata: { continue: string } }).metadata.continue
  const ask = { path: `/api/v1/namespaces?limit=1&resourceVersion=1&continue=${query(token)}` }
  compare('continue-with-version', { path: '/api/v1/namespaces?…' }, await admin.ask(ask))
})

test('unauthenticated', async () => {
  for (const ask of [{ path: maps }, { method: 'DELETE', path: `${maps}/present` }, { path: '/apis' }])
    compare('unauthenticated', { path: maps }, await nobody.ask(ask))
  compare(
    'token-unknown',
    { path: maps },
    await nobody.ask({ path: maps, headers: { authorization: 'Bearer guess' } }),
  )
  assert.equal((await nobody.ask({ path: '/version' })).status, 200)
})

test('warn and ignore: the object is made without the unknown field', async () => {
  const body = (name: string) => ({ ...configMap(name, { a: '1' }), sails: 3 })
  const warned = await admin.ask({
    method: 'POST',
    path: `${maps}?fieldValidation=Warn`,
    body: body('warned'),
  })
  assert.equal(warned.status, 201)
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"sails\\""')
  const silent = await admin.ask({
    method: 'POST',
    path: `${maps}?fieldValidation=Ignore`,
    body: body('silent'),
  })
  assert.equal(silent.status, 201)
  assert.equal(silent.headers['warning'], undefined)
  for (const { body: text } of [warned, silent]) assert.equal('sails' in (JSON.parse(text) as object), false)
})

test('keys with a meaning in JavaScript are keys like others', async () => {
  const text = '{"metadata":{"name":"odd"},"data":{"__proto__":"1","constructor":"2","toString":"3"}}'
  const made = await admin.ask({ method: 'POST', path: maps, body: text })
  assert.equal(made.status, 201, made.body)
  assert.match(
    (await admin.ask({ path: `${maps}/odd` })).body,
    /"data":\{"__proto__":"1","constructor":"2","toString":"3"\}/,
  )
})

test('connections that misbehave harm nobody', async (t) => {
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(cluster.output())?.[1])
  const send = (text: string, isEnded: boolean) =>
    new Promise<string>((resolve) => {
      const socket = connectTcp(port, '127.0.0.1', () => {
        socket.write(text)
        if (isEnded) socket.end()
      })
      let answer = ''
      socket.on('data', (chunk) => (answer += String(chunk)))
      socket.on('error', () => resolve(answer))
      socket.on('close', () => resolve(answer))
    })
  const head = (rest: string) => `POST ${maps} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}\r\n`
  await t.test('a body that breaks off', async () => {
    assert.doesNotMatch(await send(`${head('Content-Length: 100\r\n')}{"a"`, true), /^HTTP\/1\.1 2/)
  })
  await t.test('a header above 64 KiB', async () => {
    assert.match(await send(head(`X: ${'x'.repeat(70_000)}\r\n`), false), /^HTTP\/1\.1 431 /)
  })
  await t.test('no HTTP at all', async () =>
    assert.match(await send('ahoy\r\n\r\n', false), /^HTTP\/1\.1 400 /),
  )
  await t.test('two lengths', async () => {
    assert.match(await send(head('Content-Length: 1\r\nContent-Length: 2\r\n'), false), /^HTTP\/1\.1 400 /)
  })
})

test('after all of it the server is the same process, and nothing has been left behind', async () => {
  const all = cluster.ok('get cm -o jsonpath={.items[*].metadata.name}').split(' ')
  const names = all.filter((name) => name !== 'kube-root-ca.crt') // every namespace has it
  assert.deepEqual(names, ['odd', 'present', 'silent', 'warned'])
  assert.equal(cluster.ok('get cm present -o jsonpath={.data}'), '{"a":"1"}')
  assert.equal(cluster.ok('get deploy web -o jsonpath={.metadata.generation}'), '1')
  assert.doesNotMatch(cluster.output(), /again|ended/)
  const log = readFileSync(join(cluster.dataDir, 'logs', 'server.log'), 'utf8')
  assert.doesNotMatch(log, /unforeseen/)
})

function compare(
  name: string,
  { method = 'GET', path }: ApiAsk,
  { status, headers, body }: Awaited<ReturnType<Api['ask']>>,
): void {
  assert.equal(headers['content-type'], 'application/json', body)
  // The one volatile thing in a refusal: how far the store is.
  const said = JSON.parse(body.replace(/current: \d+/, 'current: N')) as object
  const golden = `${JSON.stringify({ request: `${method} ${path}`, status, body: said }, undefined, 2)}\n`
  const folder = join(root, 'tests', 'testdata', 'bad-input')
  const file = join(folder, `${name}.json`)
  if (process.env['UPDATE'] === '1') {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, golden)
  }
  assert.equal(golden, readFileSync(file, 'utf8'))
}
