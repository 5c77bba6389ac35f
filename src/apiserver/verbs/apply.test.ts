/** Server-side apply and the recording of managers, through the whole API server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownersOf } from '../../api/apply/fixture.ts'
import { fakeClock } from '../../base/fake-clock.ts'
import { managerOfUserAgent } from '../field-writer.ts'
import { openFixture, pod, refusal, type Answer, type Fixture } from '../fixture.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const deployments = '/apis/apps/v1/namespaces/default/deployments'
const merge = { 'content-type': 'application/merge-patch+json' }
const json = { 'content-type': 'application/json-patch+json' }
const yaml = { 'content-type': 'application/apply-patch+yaml' }

const apply = (fixture: Fixture, path: string, body: unknown, query = 'fieldManager=one'): Promise<Answer> =>
  fixture.request('PATCH', `${path}?${query}`, body, yaml)

const map = (data: object, metadata: object = {}) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'm', ...metadata },
  data,
})

const web = (spec: object = {}) => ({
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, creationTimestamp: null },
      spec: { containers: [{ name: 'main', image: 'npm:http-server@14' }] },
    },
    ...spec,
  },
})

test('an apply creates with 201, changes with 200, and what changes nothing is not written', async () => {
  const clock = fakeClock()
  await using fixture = await openFixture({ clock })
  const created = await apply(fixture, `${maps}/m`, map({ a: '1' }))
  assert.equal(created.status, 201)
  assert.deepEqual(ownersOf(created.body), { 'one Apply': ['.data.a'] })
  await clock.advance(5_000)
  const same = await apply(fixture, `${maps}/m`, map({ a: '1' }, { creationTimestamp: null }))
  assert.equal(same.status, 200)
  assert.deepEqual(same.body, created.body)
  const changed = await apply(fixture, `${maps}/m`, map({ b: '2' }))
  assert.deepEqual([changed.status, changed.body.data], [200, { b: '2' }])
  assert.notEqual(changed.body.metadata.resourceVersion, created.body.metadata.resourceVersion)
})

test('nulls and what holds nothing, applied again, are not written again', async () => {
  const clock = fakeClock()
  await using fixture = await openFixture({ clock })
  const bodies = [
    map({ a: '1' }, { labels: null }),
    map({ a: '1' }, { labels: {} }),
    { ...map({}, { labels: null, annotations: null, finalizers: null }), data: null },
  ]
  for (const body of bodies) {
    for (const labels of [undefined, { x: 'y' }]) {
      if (labels) await fixture.request('PATCH', `${maps}/m`, { metadata: { labels } }, merge)
      // The first one may get back what the other has taken.
      const first = await apply(fixture, `${maps}/m`, body)
      await clock.advance(5_000)
      const again = await apply(fixture, `${maps}/m`, body)
      assert.deepEqual([again.status, again.body], [200, first.body])
    }
  }
})

test('the body may be YAML of every kind, or JSON', async () => {
  await using fixture = await openFixture()
  const bodies = [
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: "1"\n',
    '{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: "1"}}',
    JSON.stringify(map({ a: '1' })),
  ]
  const versions = []
  for (const body of bodies) {
    const { body: object } = await apply(fixture, `${maps}/m`, body)
    assert.deepEqual(object.data, { a: '1' })
    versions.push(object.metadata.resourceVersion)
  }
  assert.equal(new Set(versions).size, 1)
})

test('a conflict is a 409 with a cause for each field; force takes them', async () => {
  await using fixture = await openFixture()
  await apply(fixture, `${maps}/m`, map({ a: '1' }))
  const refused = await apply(fixture, `${maps}/m`, map({ a: '2' }), 'fieldManager=two')
  assert.equal(refusal(refused), '409 Conflict: Apply failed with 1 conflict: conflict with "one": .data.a')
  assert.deepEqual(refused.body.details.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
  ])
  const forced = await apply(fixture, `${maps}/m`, map({ a: '2' }), 'fieldManager=two&force=true')
  assert.deepEqual(ownersOf(forced.body), { 'two Apply': ['.data.a'] })
})

test('a dry run answers as the real one would and leaves nothing', async () => {
  await using fixture = await openFixture()
  const query = 'fieldManager=one&dryRun=All'
  const dry = await apply(fixture, `${maps}/m`, map({ a: '1' }), query)
  assert.deepEqual([dry.status, ownersOf(dry.body)], [201, { 'one Apply': ['.data.a'] }])
  assert.equal((await fixture.request('GET', `${maps}/m`)).status, 404)
  const { body } = await apply(fixture, `${maps}/m`, map({ a: '1' }))
  assert.deepEqual((await apply(fixture, `${maps}/m`, map({ b: '2' }), query)).body.data, { b: '2' })
  assert.deepEqual((await fixture.request('GET', `${maps}/m`)).body, body)
})

const refusals = [
  {
    name: 'nobody applies',
    query: '',
    body: map({}),
    says: '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  {
    name: 'a manager with a line break',
    query: 'fieldManager=a%0Ab',
    body: map({}),
    says: '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1)',
  },
  {
    name: 'managed fields in the body',
    body: map({}, { managedFields: [] }),
    says: '400 BadRequest: metadata.managedFields must be nil',
  },
  {
    name: 'another name',
    body: map({}, { name: 'other' }),
    says: '400 BadRequest: the name of the object (other) does not match the name on the URL (m)',
  },
  {
    name: 'no name',
    body: { kind: 'ConfigMap', apiVersion: 'v1', data: {} },
    says: '400 BadRequest: the name of the object (m based on URL) was undeterminable: name must be provided',
  },
  {
    name: 'an unknown field',
    body: { ...map({}), datum: 1 },
    says: '400 BadRequest: failed to create typed patch object (/m; /v1, Kind=ConfigMap): .datum: field not declared in schema',
  },
  {
    name: 'no object',
    body: '- 1',
    says: '400 BadRequest: error decoding YAML: the configuration is not an object',
  },
  {
    name: 'a key twice, strictly',
    query: 'fieldManager=one&fieldValidation=Strict',
    body: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"m"},"data":{"a":"1","a":"2"}}',
    says: '400 BadRequest: error strict decoding YAML: duplicate field "data.a"',
  },
]
for (const { name, body, query = 'fieldManager=one', says } of refusals)
  test(`an apply is refused: ${name}`, async () => {
    await using fixture = await openFixture()
    assert.equal(refusal(await apply(fixture, `${maps}/m`, body, query)), says)
  })

for (const body of [
  '[['.repeat(100_000),
  `a: &a [*a]`,
  `${'{a: '.repeat(5_000)}`,
  'x: .nan',
  '\u0000',
  '{"a":',
])
  test(`a body that is no configuration is the client's mistake: ${body.slice(0, 12)}`, async () => {
    await using fixture = await openFixture()
    assert.equal((await apply(fixture, `${maps}/m`, body)).status, 400)
  })

test('force is for apply alone', async () => {
  await using fixture = await openFixture()
  await apply(fixture, `${maps}/m`, map({}))
  assert.equal(
    refusal(await fixture.request('PATCH', `${maps}/m?force=true`, {}, merge)),
    '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  )
})

test('every write records its manager: the one it names, or the beginning of its User-Agent', async () => {
  await using fixture = await openFixture()
  await fixture.request('POST', maps, map({ a: '1', b: '1', c: '1', d: '1' }), {
    'user-agent': 'curl/8.1 (x)',
  })
  await fixture.request('PATCH', `${maps}/m?fieldManager=patcher`, { data: { b: '2' } }, merge)
  const put = await fixture.request(
    'PUT',
    `${maps}/m?fieldManager=putter`,
    map({ a: '1', b: '2', c: '3', d: '1' }),
  )
  assert.deepEqual(ownersOf(put.body), {
    'curl Update': ['.data', '.data.a', '.data.d'],
    'patcher Update': ['.data.b'],
    'putter Update': ['.data.c'],
  })
})

test('a manager’s name is cut to 128 bytes of what can be printed', () => {
  assert.equal(managerOfUserAgent('kubectl/v1.35 (linux/amd64)'), 'kubectl')
  assert.equal(managerOfUserAgent(''), '')
  assert.equal(managerOfUserAgent('a\u0007b'), 'ab')
  assert.equal(managerOfUserAgent('x'.repeat(200)), 'x'.repeat(128))
  assert.equal(managerOfUserAgent(`${'x'.repeat(127)}ü`), 'x'.repeat(127))
})

test('status and scale have owners of their own', async () => {
  await using fixture = await openFixture()
  const path = `${deployments}/web`
  const first = await apply(fixture, path, web({ replicas: 2 }))
  assert.equal(first.status, 201)
  await fixture.request(
    'PATCH',
    `${path}/status?fieldManager=controller`,
    { status: { replicas: 2 }, spec: { replicas: 9 } },
    merge,
  )
  await fixture.request('PATCH', `${path}/scale?fieldManager=hpa`, { spec: { replicas: 5 } }, merge)
  const { body } = await fixture.request('GET', path)
  const owners = ownersOf(body)
  assert.deepEqual(owners['controller Update/status'], ['.status.replicas'])
  assert.deepEqual(owners['hpa Update/scale'], ['.spec.replicas'])
  assert.ok(!owners['one Apply']?.includes('.spec.replicas'))
  assert.equal(
    refusal(await apply(fixture, path, web({ replicas: 2 }))),
    '409 Conflict: Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  )
  const scaled = {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name: 'web' },
    spec: { replicas: 3 },
  }
  assert.equal((await apply(fixture, `${path}/scale`, scaled)).status, 409)
  const taken = await apply(fixture, `${path}/scale`, scaled, 'fieldManager=one&force=true')
  assert.deepEqual([taken.status, taken.body.spec.replicas], [200, 3])
  const after = await fixture.request('GET', path)
  assert.deepEqual(ownersOf(after.body)['one Apply/scale'], ['.spec.replicas'])
  assert.equal(ownersOf(after.body)['hpa Update/scale'], undefined)
})

test('what is applied to the status is nobody’s in the object itself', async () => {
  await using fixture = await openFixture()
  const path = `${deployments}/web`
  const created = await apply(fixture, path, { ...web(), status: { replicas: 7 } })
  assert.ok(!ownersOf(created.body)['one Apply']?.some((field) => field.startsWith('.status')))
  const body = { ...web(), status: { replicas: 7 } }
  const { status } = await apply(fixture, `${path}/status`, body, 'fieldManager=two')
  assert.equal(status, 200)
  const after = await fixture.request('GET', path)
  assert.deepEqual(ownersOf(after.body)['two Apply/status'], ['.status.replicas'])
  assert.equal(
    refusal(await apply(fixture, `${deployments}/none/status`, { ...web(), metadata: {} })),
    '404 NotFound: deployments.apps "none" not found',
  )
})

test('kubectl’s way from client-side to server-side apply: it rewrites the list by a JSON patch', async () => {
  await using fixture = await openFixture()
  const created = await fixture.request(
    'POST',
    `${maps}?fieldManager=kubectl-client-side-apply`,
    map({ a: '1' }),
  )
  const { managedFields, resourceVersion } = created.body.metadata
  const upgraded = [{ ...managedFields[0], manager: 'kubectl', operation: 'Apply' }]
  const patch = [
    { op: 'replace', path: '/metadata/managedFields', value: upgraded },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
  ]
  const patched = await fixture.request('PATCH', `${maps}/m?fieldManager=kubectl`, patch, json)
  assert.deepEqual(ownersOf(patched.body), { 'kubectl Apply': ['.data', '.data.a'] })
  const applied = await apply(fixture, `${maps}/m`, map({ b: '1' }), 'fieldManager=kubectl')
  assert.deepEqual(applied.body.data, { b: '1' })
})

for (const value of [[], [{}]])
  test(`managedFields ${JSON.stringify(value)} clears the owners; the next apply begins anew`, async () => {
    await using fixture = await openFixture()
    await apply(fixture, `${maps}/m`, map({ a: '1' }))
    const patch = [{ op: 'replace', path: '/metadata/managedFields', value }]
    const cleared = await fixture.request('PATCH', `${maps}/m`, patch, json)
    assert.deepEqual([cleared.status, cleared.body.metadata.managedFields], [200, undefined])
    const again = await apply(fixture, `${maps}/m`, map({ b: '1' }), 'fieldManager=two')
    assert.deepEqual(ownersOf(again.body), {
      'before-first-apply Update': ['.data', '.data.a'],
      'two Apply': ['.data.b'],
    })
  })

test('two appliers at once: one creates, the other joins', async () => {
  await using fixture = await openFixture()
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      apply(fixture, `${maps}/m`, map({ [name]: '1' }), `fieldManager=${name}`),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 200, 201],
  )
  const { body } = await fixture.request('GET', `${maps}/m`)
  assert.deepEqual(body.data, { a: '1', b: '1', c: '1', d: '1' })
})

test('a pod’s agent and its applier don’t get in each other’s way', async () => {
  await using fixture = await openFixture()
  const pods = '/api/v1/namespaces/default/pods'
  const { status, body } = await apply(fixture, `${pods}/p`, pod('p', {}, { labels: { a: '1' } }))
  assert.equal(status, 201, JSON.stringify(body))
  await fixture.request(
    'PATCH',
    `${pods}/p/status?fieldManager=agent`,
    { status: { phase: 'Running' } },
    merge,
  )
  const again = await apply(fixture, `${pods}/p`, pod('p', {}, { labels: { a: '2' } }))
  assert.deepEqual(
    [again.status, again.body.status.phase, again.body.metadata.labels],
    [200, 'Running', { a: '2' }],
  )
})

test('a write that leaves managedFields out leaves other owners as they are', async () => {
  await using fixture = await openFixture()
  const created = await apply(fixture, `${maps}/m`, map({ a: '1' }))
  const { managedFields: _left, ...metadata } = created.body.metadata
  const body = { ...map({ a: '1', b: '2' }), metadata }
  const updated = await fixture.request('PUT', `${maps}/m?fieldManager=two`, body)
  assert.deepEqual(ownersOf(updated.body), { 'one Apply': ['.data.a'], 'two Update': ['.data.b'] })
})
