import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, openFixture, pod, refusal, type Answer, type Fixture } from './fixture.ts'

const configMaps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'
const deployments = '/apis/apps/v1/namespaces/default/deployments'
const merge = { 'content-type': 'application/merge-patch+json' }
const strategic = { 'content-type': 'application/strategic-merge-patch+json' }
const jsonPatch = { 'content-type': 'application/json-patch+json' }

let fixture: Fixture
before(async () => void (fixture = await openFixture()))
after(() => fixture[Symbol.asyncDispose]())
const request: Fixture['request'] = (...args) => fixture.request(...args)

async function made(path: string, body: object): Promise<Answer['body']> {
  const answer = await request('POST', path, body)
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}

const deployment = (name: string, replicas = 2) => ({
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'npm:a@1', ports: [{ containerPort: 80 }] }] },
    },
  },
})

test("create fills in what is the server's to say, and ignores what a client says of it", async () => {
  const { metadata } = await made(
    configMaps,
    configMap(
      'filled',
      {},
      {
        uid: 'mine',
        creationTimestamp: '2001-01-01T00:00:00Z',
        generation: 9,
        deletionTimestamp: '2001-01-01T00:00:00Z',
        managedFields: [{ manager: 'x' }],
      },
    ),
  )
  assert.match(metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.match(metadata.creationTimestamp, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.notEqual(metadata.creationTimestamp, '2001-01-01T00:00:00Z')
  assert.equal(metadata.namespace, 'default')
  assert.deepEqual(
    [metadata.generation, metadata.deletionTimestamp, metadata.managedFields],
    [undefined, undefined, undefined],
  )
})

test('generateName makes a name that is free', async () => {
  const first = await made(configMaps, { metadata: { generateName: 'gen-' } })
  const second = await made(configMaps, { metadata: { generateName: 'gen-' } })
  assert.match(first.metadata.name, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  assert.notEqual(first.metadata.name, second.metadata.name)
})

test('a dry run says what would be, and leaves nothing', async () => {
  const { status, body } = await request('POST', `${configMaps}?dryRun=All`, configMap('dry'))
  assert.deepEqual([status, body.metadata.name, body.metadata.resourceVersion], [201, 'dry', undefined])
  assert.equal((await request('GET', `${configMaps}/dry`)).status, 404)
  await made(configMaps, configMap('wet', { a: '1' }))
  const patched = await request('PATCH', `${configMaps}/wet?dryRun=All`, { data: { a: '2' } }, merge)
  assert.equal(patched.body.data.a, '2')
  assert.equal((await request('DELETE', `${configMaps}/wet?dryRun=All`)).body.status, 'Success')
  assert.equal((await request('GET', `${configMaps}/wet`)).body.data.a, '1')
})

test('a YAML body is read', async () => {
  const { status, body } = await request(
    'POST',
    configMaps,
    'metadata: {name: from-yaml}\ndata: {a: "1"}\n',
    { 'content-type': 'application/yaml' },
  )
  assert.deepEqual([status, body.data], [201, { a: '1' }])
})

test('PUT without a resourceVersion overwrites, with the present one too, and keeps uid and creation', async () => {
  const { metadata } = await made(configMaps, configMap('put', { a: '1' }))
  const blind = await request('PUT', `${configMaps}/put`, { data: { b: '2' } })
  assert.deepEqual([blind.status, blind.body.data, blind.body.metadata.uid], [200, { b: '2' }, metadata.uid])
  const zero = configMap('put', { b: '2' }, { resourceVersion: '0' })
  assert.equal((await request('PUT', `${configMaps}/put`, zero)).status, 200)
  const { resourceVersion } = blind.body.metadata
  const exact = await request('PUT', `${configMaps}/put`, configMap('put', { c: '3' }, { resourceVersion }))
  assert.deepEqual([exact.status, exact.body.data], [200, { c: '3' }])
  assert.equal(
    (await request('PUT', `${configMaps}/put`, configMap('put', {}, { resourceVersion }))).status,
    409,
  )
})

test('a write that changes nothing keeps the revision and wakes nobody', async () => {
  const { metadata } = await made(configMaps, configMap('same', { a: '1' }))
  const put = await request('PUT', `${configMaps}/same`, configMap('same', { a: '1' }))
  const patched = await request('PATCH', `${configMaps}/same`, { data: { a: '1' } }, merge)
  assert.equal(put.body.metadata.resourceVersion, metadata.resourceVersion)
  assert.equal(patched.body.metadata.resourceVersion, metadata.resourceVersion)
  assert.equal(String(await fixture.store.current()), metadata.resourceVersion)
})

test('concurrent patches all take effect', async () => {
  await made(configMaps, configMap('busy'))
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((key) =>
      request('PATCH', `${configMaps}/busy`, { data: { [key]: key } }, merge),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.deepEqual((await request('GET', `${configMaps}/busy`)).body.data, { a: 'a', b: 'b', c: 'c', d: 'd' })
})

test('the three kinds of patch', async () => {
  await made(deployments, deployment('patched'))
  const image = { spec: { template: { spec: { containers: [{ name: 'main', image: 'npm:a@2' }] } } } }
  const one = await request('PATCH', `${deployments}/patched`, image, strategic)
  const [container] = one.body.spec.template.spec.containers
  assert.deepEqual([container.image, container.ports[0].containerPort], ['npm:a@2', 80])
  const two = await request(
    'PATCH',
    `${deployments}/patched`,
    [{ op: 'replace', path: '/spec/replicas', value: 5 }],
    jsonPatch,
  )
  assert.equal(two.body.spec.replicas, 5)
  const three = await request(
    'PATCH',
    `${deployments}/patched`,
    { metadata: { annotations: { x: 'y' } } },
    merge,
  )
  assert.equal(three.body.metadata.annotations.x, 'y')
  // Annotations count: a Deployment's controller copies them.
  assert.deepEqual(
    [one.body.metadata.generation, two.body.metadata.generation, three.body.metadata.generation],
    [2, 3, 4],
  )
})

test('status is written through its subresource only, and through nothing else', async () => {
  await made(deployments, deployment('stat'))
  const main = await request('PATCH', `${deployments}/stat`, { status: { replicas: 7 } }, merge)
  assert.equal(main.body.status?.replicas, undefined)
  const status = await request(
    'PATCH',
    `${deployments}/stat/status`,
    { spec: { replicas: 9 }, status: { replicas: 7 } },
    merge,
  )
  assert.deepEqual(
    [status.status, status.body.status.replicas, status.body.spec.replicas, status.body.metadata.generation],
    [200, 7, 2, 1],
  )
})

test('scale is read, put, patched and validated', async () => {
  await made(deployments, deployment('scaled'))
  const { body } = await request('GET', `${deployments}/scaled/scale`)
  assert.deepEqual(
    [body.kind, body.apiVersion, body.spec.replicas, body.status.selector],
    ['Scale', 'autoscaling/v1', 2, 'app=scaled'],
  )
  const put = await request('PUT', `${deployments}/scaled/scale`, { ...body, spec: { replicas: 3 } })
  assert.deepEqual([put.status, put.body.spec.replicas], [200, 3])
  const stale = await request('PUT', `${deployments}/scaled/scale`, { ...body, spec: { replicas: 4 } })
  assert.equal(stale.status, 409)
  const patched = await request('PATCH', `${deployments}/scaled/scale`, { spec: { replicas: 0 } }, merge)
  assert.deepEqual([patched.status, patched.body.spec.replicas], [200, 0])
  assert.equal((await request('GET', `${deployments}/scaled`)).body.metadata.generation, 3)
  const bad = await request('PATCH', `${deployments}/scaled/scale`, { spec: { replicas: -1 } }, merge)
  assert.equal(
    refusal(bad),
    '422 Invalid: Scale.autoscaling "scaled" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  )
})

test('a pod is bound once', async () => {
  await made(pods, pod('bound'))
  const target = {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name: 'bound' },
    target: { kind: 'Node', name: 'n1' },
  }
  const first = await request('POST', `${pods}/bound/binding`, target)
  assert.deepEqual([first.status, first.body.status], [201, 'Success'])
  const { body } = await request('GET', `${pods}/bound`)
  assert.equal(body.spec.nodeName, 'n1')
  const scheduled = body.status.conditions.find(({ type }: { type: string }) => type === 'PodScheduled')
  assert.equal(scheduled.status, 'True')
  assert.equal(
    refusal(await request('POST', '/api/v1/namespaces/default/bindings', target)),
    '409 Conflict: Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n1"',
  )
})

test('delete of an object that nothing holds answers Status with its uid', async () => {
  const { metadata } = await made(configMaps, configMap('gone'))
  const { status, body } = await request('DELETE', `${configMaps}/gone`, { propagationPolicy: 'Background' })
  assert.deepEqual(
    [status, body.status, body.details],
    [200, 'Success', { name: 'gone', kind: 'configmaps', uid: metadata.uid }],
  )
})

test('a running pod gets its grace, which a second delete may only shorten; grace 0 ends it', async () => {
  await made(pods, pod('graceful', { nodeName: 'n1' }))
  const marked = await request('DELETE', `${pods}/graceful`)
  assert.deepEqual([marked.body.kind, marked.body.metadata.deletionGracePeriodSeconds], ['Pod', 30])
  const left = Date.parse(marked.body.metadata.deletionTimestamp) - performance.timeOrigin - performance.now()
  assert.ok(left > 25_000 && left <= 31_000, `${left} ms`)
  const longer = await request('DELETE', `${pods}/graceful?gracePeriodSeconds=60`)
  assert.equal(longer.body.metadata.resourceVersion, marked.body.metadata.resourceVersion)
  const shorter = await request('DELETE', `${pods}/graceful`, { gracePeriodSeconds: 5 })
  assert.equal(shorter.body.metadata.deletionGracePeriodSeconds, 5)
  assert.equal(
    (await request('DELETE', `${pods}/graceful`, { gracePeriodSeconds: 0 })).body.status,
    'Success',
  )
  assert.equal((await request('GET', `${pods}/graceful`)).status, 404)
})

test('a pod without a node goes at once, and so does an evicted one', async () => {
  await made(pods, pod('unbound'))
  assert.equal((await request('DELETE', `${pods}/unbound`)).body.status, 'Success')
  await made(pods, pod('evicted'))
  const eviction = { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'evicted' } }
  assert.equal((await request('POST', `${pods}/evicted/eviction`, eviction)).status, 201)
  assert.equal((await request('GET', `${pods}/evicted`)).status, 404)
})

test('finalizers hold an object; while it is held they can only be removed; the last removal ends it', async () => {
  await made(configMaps, configMap('held', {}, { finalizers: ['example.com/a', 'example.com/b'] }))
  const marked = await request('DELETE', `${configMaps}/held`)
  assert.ok(marked.body.metadata.deletionTimestamp)
  const more = await request(
    'PATCH',
    `${configMaps}/held`,
    { metadata: { finalizers: ['example.com/a', 'example.com/c'] } },
    merge,
  )
  assert.match(
    refusal(more),
    /^422 Invalid: .*no new finalizers can be added if the object is being deleted, found new finalizers \[\]string{"example.com\/c"}$/,
  )
  const cleared = await request(
    'PATCH',
    `${configMaps}/held`,
    { metadata: { deletionTimestamp: null, finalizers: ['example.com/a'] } },
    merge,
  )
  assert.equal(cleared.body.metadata.deletionTimestamp, marked.body.metadata.deletionTimestamp)
  assert.equal(
    (await request('PATCH', `${configMaps}/held`, { metadata: { finalizers: null } }, merge)).status,
    200,
  )
  assert.equal((await request('GET', `${configMaps}/held`)).status, 404)
})

test('a propagation policy becomes a finalizer', async () => {
  const after = async (policy: string) => {
    await made(deployments, deployment(`prop-${policy.toLowerCase()}`))
    return (
      await request('DELETE', `${deployments}/prop-${policy.toLowerCase()}`, { propagationPolicy: policy })
    ).body.metadata.finalizers
  }
  assert.deepEqual(await after('Foreground'), ['foregroundDeletion'])
  assert.deepEqual(await after('Orphan'), ['orphan'])
})

test('a namespace terminates, refuses new content, and goes when it is finalized', async () => {
  const space = '/api/v1/namespaces/doomed'
  await made('/api/v1/namespaces', { metadata: { name: 'doomed' } })
  await made(`${space}/configmaps`, configMap('inside', {}, { finalizers: ['example.com/x'] }))
  const { body } = await request('DELETE', space)
  assert.deepEqual([body.status.phase, typeof body.metadata.deletionTimestamp], ['Terminating', 'string'])
  const refused = await request('POST', `${space}/configmaps`, configMap('late'))
  assert.equal(
    refusal(refused),
    '403 Forbidden: configmaps "late" is forbidden: unable to create new content in namespace doomed because it is being terminated',
  )
  assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating')
  const { body: present } = await request('GET', space)
  const finalized = await request('PUT', `${space}/finalize`, { ...present, spec: { finalizers: [] } })
  assert.equal(finalized.status, 200)
  assert.equal((await request('GET', space)).status, 404)
  assert.equal(
    refusal(await request('DELETE', '/api/v1/namespaces/default')),
    '403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted',
  )
})

test('deletecollection deletes what its selectors select', async () => {
  for (const [name, app] of [
    ['x1', 'x'],
    ['x2', 'x'],
    ['y1', 'y'],
  ] as const)
    await made(configMaps, configMap(name, {}, { labels: { app } }))
  const { status, body } = await request('DELETE', `${configMaps}?labelSelector=app%3Dx`)
  assert.deepEqual([status, body.kind, body.items.length], [200, 'ConfigMapList', 2])
  const left = await request('GET', `${configMaps}?labelSelector=app`)
  assert.deepEqual(
    left.body.items.map(({ metadata }: Answer['body']) => metadata.name),
    ['y1'],
  )
})

test('each Service has an address of its own, until it is deleted', async () => {
  const services = '/api/v1/namespaces/default/services'
  const service = (name: string, spec: object = {}) => ({
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  })
  const { spec } = await made(services, service('auto'))
  assert.match(spec.clusterIP, /^10\.(9[6-9]|10\d|11[01])\.\d+\.\d+$/)
  assert.deepEqual(spec.clusterIPs, [spec.clusterIP])
  const taken = await request('POST', services, service('thief', { clusterIP: spec.clusterIP }))
  assert.match(
    refusal(taken),
    /^422 Invalid: Service "thief" is invalid: spec\.clusterIPs: Invalid value: \["[\d.]+"\]: failed to allocate IP [\d.]+: provided IP is already allocated$/,
  )
  const outside = await request('POST', services, service('outside', { clusterIP: '192.168.0.1' }))
  assert.match(refusal(outside), /^422 Invalid: .*the provided IP \(\S+\) is not in the valid range/)
  const wished = await made(services, service('wished', { clusterIP: '10.96.0.10' }))
  assert.equal(wished.spec.clusterIP, '10.96.0.10')
  assert.equal((await made(services, service('headless', { clusterIP: 'None' }))).spec.clusterIP, 'None')
  const kept = await request('PUT', `${services}/auto`, service('auto', { selector: { a: 'b' } }))
  assert.equal(kept.body.spec.clusterIP, spec.clusterIP)
  await request('DELETE', `${services}/wished`)
  assert.equal(
    (await made(services, service('heir', { clusterIP: '10.96.0.10' }))).spec.clusterIP,
    '10.96.0.10',
  )
  const bad = await request('POST', services, service('Bad', { clusterIP: '10.96.0.11' }))
  assert.equal(bad.status, 422)
  assert.equal(
    (await made(services, service('good', { clusterIP: '10.96.0.11' }))).spec.clusterIP,
    '10.96.0.11',
  )
})

test('a dry run of a Service shows an address and takes none', async () => {
  const dry = '/api/v1/namespaces/default/services?dryRun=All'
  const service = (spec: object) => ({ metadata: { name: 'dry' }, spec: { ports: [{ port: 80 }], ...spec } })
  const shown = async (spec: object) => {
    const { spec: given } = await made(dry, service(spec))
    return [given.clusterIP, given.clusterIPs, given.ipFamilies]
  }
  assert.deepEqual(await shown({}), ['10.96.0.0', ['10.96.0.0'], ['IPv4']])
  assert.deepEqual(await shown({ clusterIP: '10.96.0.30' }), ['10.96.0.30', ['10.96.0.30'], ['IPv4']])
  assert.deepEqual(await shown({ clusterIP: 'None' }), ['None', ['None'], ['IPv4']])
  assert.deepEqual(await shown({ type: 'ExternalName', externalName: 'x.test' }), [
    undefined,
    undefined,
    undefined,
  ])
  const outside = await request('POST', dry, service({ clusterIP: '192.168.0.1' }))
  assert.match(refusal(outside), /^422 Invalid: .*is not in the valid range/)
  const [services] = dry.split('?')
  const real = await made(services ?? '', service({ clusterIP: '10.96.0.30' }))
  const changed = await request('PUT', `${services}/dry?dryRun=All`, service({ selector: { a: 'b' } }))
  assert.equal(changed.body.spec.clusterIP, real.spec.clusterIP)
})

test('who deletes a Service gives back its address, and none that somebody else has taken over meanwhile', async () => {
  const services = '/api/v1/namespaces/default/services'
  const spec = { ports: [{ port: 80 }], clusterIP: '10.96.0.20' }
  await made(services, { metadata: { name: 'leaving' }, spec })
  const key = '/sampan/allocations/clusterips/10.96.0.20'
  const { entry } = await fixture.store.get(key)
  assert.ok(entry)
  const heir = { ...JSON.parse(Buffer.from(entry.value).toString()), name: 'heir', uid: 'another' }
  await fixture.store.update(key, Buffer.from(JSON.stringify(heir)), entry.revision)
  assert.equal((await request('DELETE', `${services}/leaving`)).status, 200)
  assert.ok((await fixture.store.get(key)).entry)
})

test('a Lease that is not there is made by PUT', async () => {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1'
  const { status, body } = await request('PUT', path, { spec: { holderIdentity: 'n1' } })
  assert.deepEqual([status, body.metadata.name, body.metadata.namespace], [201, 'n1', 'kube-node-lease'])
})
