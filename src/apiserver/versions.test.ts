/** Several versions of a kind are one object in the store. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture[Symbol.asyncDispose]())

const path = (version: string, name = '') =>
  `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers${name === '' ? '' : `/${name}`}`

const spec = { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 5 }

test('what is written in one version is read in the other, under one key and one revision', async () => {
  const { request, store } = fixture
  const body = { metadata: { name: 'both' }, spec: { ...spec, targetCPUUtilizationPercentage: 60 } }
  const made = await request('POST', path('v1'), body)
  assert.equal(made.status, 201)
  assert.equal(made.body.apiVersion, 'autoscaling/v1')
  assert.equal(made.body.spec.targetCPUUtilizationPercentage, 60)
  const seen = await request('GET', path('v2', 'both'))
  assert.equal(seen.body.apiVersion, 'autoscaling/v2')
  assert.equal(seen.body.spec.metrics[0].resource.target.averageUtilization, 60)
  assert.equal(seen.body.metadata.uid, made.body.metadata.uid)
  assert.equal(seen.body.metadata.resourceVersion, made.body.metadata.resourceVersion)
  const { entries } = await store.list({ prefix: '/registry/autoscaling/' })
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['/registry/autoscaling/horizontalpodautoscalers/default/both'],
  )
  const again = await request('POST', path('v2'), { metadata: { name: 'both' }, spec })
  assert.equal(again.status, 409)
})

test('a patch in the older version keeps what only the newer one can say', async () => {
  const { request } = fixture
  const memory = {
    type: 'Resource',
    resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
  }
  await request('POST', path('v2'), { metadata: { name: 'kept' }, spec: { ...spec, metrics: [memory] } })
  const patched = await request(
    'PATCH',
    path('v1', 'kept'),
    { spec: { targetCPUUtilizationPercentage: 50 } },
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.equal(patched.status, 200)
  const { body } = await request('GET', path('v2', 'kept'))
  assert.deepEqual(
    body.spec.metrics.map((metric: { resource: { name: string } }) => metric.resource.name),
    ['cpu', 'memory'],
  )
  assert.equal(body.metadata.annotations, undefined)
  const same = await request(
    'PATCH',
    path('v1', 'kept'),
    { spec: { maxReplicas: 5 } },
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.equal(same.body.metadata.resourceVersion, body.metadata.resourceVersion, 'nothing changed')
})

test('watchers of either version see every change in their own words', async () => {
  const { request, watch } = fixture
  const ending = new AbortController()
  const field = '&fieldSelector=metadata.name%3Dseen'
  const watches = await Promise.all(
    ['v1', 'v2'].map((version) => watch(`${path(version)}?watch=true${field}`, ending.signal)),
  )
  await request('POST', path('v1'), { metadata: { name: 'seen', labels: { a: 'b' } }, spec })
  await request('DELETE', path('v2', 'seen'))
  for (const [index, lines] of watches.entries()) {
    const types: string[] = []
    for await (const { object, type } of lines) {
      assert.equal(object.apiVersion, `autoscaling/v${index + 1}`)
      types.push(type)
      if (type === 'DELETED') break
    }
    assert.deepEqual(types, ['ADDED', 'DELETED'])
  }
  ending.abort()
})

test('who stops matching a selector is told in the version that is watched', async () => {
  const { request, watch } = fixture
  const ending = new AbortController()
  await request('POST', path('v2'), { metadata: { name: 'leaves', labels: { in: 'yes' } }, spec })
  const lines = await watch(`${path('v1')}?watch=true&labelSelector=in%3Dyes`, ending.signal)
  assert.equal((await lines.next()).value.type, 'ADDED')
  const merge = { 'content-type': 'application/merge-patch+json' }
  await request('PATCH', path('v2', 'leaves'), { metadata: { labels: { in: 'no' } } }, merge)
  const { value } = await lines.next()
  assert.equal(value.type, 'DELETED')
  assert.equal(value.object.spec.targetCPUUtilizationPercentage, 80)
  ending.abort()
})

test('an event of either group is an event of the other', async () => {
  const { request } = fixture
  const namespaced = (api: string) => `${api}/namespaces/default/events`
  const newer = namespaced('/apis/events.k8s.io/v1')
  const made = await request('POST', newer, {
    metadata: { name: 'web.1' },
    eventTime: '2026-01-02T03:04:05.000000Z',
    reportingController: 'example.com/agent',
    reportingInstance: 'agent-1',
    action: 'Pulling',
    reason: 'Pulled',
    note: 'done',
    type: 'Normal',
    regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  })
  assert.equal(made.status, 201, made.text)
  const { body } = await request('GET', `${namespaced('/api/v1')}/web.1`)
  assert.equal(body.message, 'done')
  assert.equal(body.involvedObject.name, 'web')
  assert.equal(body.reportingComponent, 'example.com/agent')
  const found = await request('GET', `${newer}?fieldSelector=regarding.name%3Dweb`)
  assert.equal(found.body.items.length, 1)
  const refused = await request('POST', newer, { metadata: { name: 'old' }, reason: 'x' })
  assert.equal(refused.status, 422)
})

test('discovery prefers the version that is stored', async () => {
  const { body } = await fixture.request('GET', '/apis/autoscaling')
  assert.equal(body.preferredVersion.version, 'v2')
  assert.deepEqual(
    body.versions.map(({ version }: { version: string }) => version),
    ['v2', 'v1'],
  )
})

const apply = (version: string, name: string, manager: string, wished: object) =>
  fixture.request(
    'PATCH',
    `${path(version, name)}?fieldManager=${manager}`,
    {
      kind: 'HorizontalPodAutoscaler',
      apiVersion: `autoscaling/${version}`,
      metadata: { name },
      spec: { ...spec, ...wished },
    },
    { 'content-type': 'application/apply-patch+yaml' },
  )
const cpu = (averageUtilization: number) => ({
  metrics: [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } },
  ],
})
interface Entry {
  readonly manager: string
  readonly fieldsV1: { readonly 'f:spec'?: object }
}
const specOwnedBy = (body: { metadata: { managedFields: readonly Entry[] } }, manager: string) =>
  Object.keys(
    body.metadata.managedFields.find((entry) => entry.manager === manager)?.fieldsV1['f:spec'] ?? {},
  ).toSorted()

test('an apply in one version is in conflict with what somebody applied in the other', async () => {
  await apply('v2', 'ours', 'ana', cpu(60))
  const refused = await apply('v1', 'ours', 'bo', { targetCPUUtilizationPercentage: 70 })
  assert.equal(refused.status, 409)
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "ana": .spec.metrics')
  assert.equal((await apply('v1', 'ours', 'bo', { targetCPUUtilizationPercentage: 60 })).status, 200)
})

test('an update in one version takes what it changes from owners in the other', async () => {
  await apply('v2', 'taken', 'ana', cpu(60))
  const { body } = await fixture.request(
    'PATCH',
    `${path('v1', 'taken')}?fieldManager=bo`,
    { spec: { targetCPUUtilizationPercentage: 70 } },
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.deepEqual(specOwnedBy(body, 'ana'), ['f:maxReplicas', 'f:scaleTargetRef'])
  assert.deepEqual(specOwnedBy(body, 'bo'), ['f:targetCPUUtilizationPercentage'])
})

test('what an applier drops on its way from one version to the other goes', async () => {
  await apply('v1', 'moved', 'ana', { targetCPUUtilizationPercentage: 60, minReplicas: 2 })
  const { body, status } = await apply('v2', 'moved', 'ana', { minReplicas: 2 })
  assert.equal(status, 200)
  assert.equal(body.spec.metrics[0].resource.target.averageUtilization, 80)
  assert.equal(body.spec.minReplicas, 2)
})
