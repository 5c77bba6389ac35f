/** Custom resources over a whole API server: defined, served, changed and gone, without a controller. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonSchema } from '../api/crd/json-schema.ts'
import { openFixture, refusal, type Fixture } from './fixture.ts'

const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const widgets = '/apis/example.com/v1/namespaces/default/widgets'

const specSchema: JsonSchema = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1 },
    colour: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    replicas: { type: 'integer', format: 'int32', default: 1 },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    port: { 'x-kubernetes-int-or-string': true },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, count: { type: 'integer' } },
      },
    },
  },
}

const version = (name: string, more: object = {}) => ({
  name,
  served: true,
  storage: name === 'v1',
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: specSchema,
        status: {
          type: 'object',
          properties: {
            replicas: { type: 'integer' },
            selector: { type: 'string' },
            phase: { type: 'string' },
          },
        },
      },
    },
  },
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  additionalPrinterColumns: [
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'Colour', type: 'string', jsonPath: '.spec.colour', priority: 1 },
  ],
  ...more,
})

const definition = (versions: readonly object[] = [version('v1')], spec: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
    versions,
    ...spec,
  },
})

const widget = (name: string, spec: object = { size: 3 }, more: object = {}) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
})

/** What the controller does, which lives in another room. */
async function define(fixture: Fixture, body: object): Promise<void> {
  const created = await fixture.request('POST', crdPath, body)
  assert.equal(created.status, 201, created.text)
  const { names } = created.body.spec
  const conditions = [{ type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: '' }]
  const status = { ...created.body.status, acceptedNames: names, conditions }
  const path = `${crdPath}/${created.body.metadata.name}/status`
  const answer = await fixture.request('PUT', path, { ...created.body, status })
  assert.equal(answer.status, 200, answer.text)
}

test('a definition is defaulted, and its kind served once it is established', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  const created = await request('POST', crdPath, definition())
  assert.equal(created.status, 201, created.text)
  assert.equal(created.body.spec.names.singular, 'widget')
  assert.equal(created.body.spec.names.listKind, 'WidgetList')
  assert.deepEqual(created.body.spec.conversion, { strategy: 'None' })
  assert.deepEqual(created.body.status.storedVersions, ['v1'])
  assert.equal((await request('GET', widgets)).status, 404)
  await request('DELETE', `${crdPath}/widgets.example.com`)
})

test('objects are validated, defaulted, pruned and printed', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  await define(fixture, definition())
  const made = await request(
    'POST',
    widgets,
    widget('w', { size: 3, foo: 1, free: { any: [1] }, port: 'http' }),
  )
  assert.equal(made.status, 201, made.text)
  assert.deepEqual(made.body.spec, { size: 3, free: { any: [1] }, port: 'http', colour: 'red', replicas: 1 })
  assert.equal(made.body.metadata.generation, 1)

  const strict = await request('POST', `${widgets}?fieldValidation=Strict`, widget('x', { size: 3, foo: 1 }))
  assert.match(refusal(strict), /^400 BadRequest: .*strict decoding error: unknown field "spec.foo"$/)

  const wrong = await request('POST', widgets, widget('x', { size: 'big', colour: 'green' }))
  assert.equal(
    refusal(wrong),
    '422 Invalid: Widget.example.com "x" is invalid: [spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", spec.colour: Unsupported value: "green": supported values: "red", "blue"]',
  )
  assert.match(refusal(await request('POST', widgets, widget('x', {}))), /spec\.size: Required value$/)

  const table = await request('GET', widgets, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  })
  assert.deepEqual(
    table.body.columnDefinitions.map(({ name }: { name: string }) => name),
    ['Name', 'Size', 'Colour'],
  )
  assert.deepEqual(table.body.rows[0].cells, ['w', 3, 'red'])
})

test('patches, apply, status and scale', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  await define(fixture, definition())
  await request('POST', widgets, widget('w'))
  const patch = (path: string, body: object, type: string) =>
    request('PATCH', path, body, { 'content-type': type })
  const merged = await patch(`${widgets}/w`, { spec: { size: 5 } }, 'application/merge-patch+json')
  assert.equal(merged.body.spec.size, 5, merged.text)
  assert.equal(merged.body.metadata.generation, 2)
  const strategic = await patch(
    `${widgets}/w`,
    { spec: { size: 5 } },
    'application/strategic-merge-patch+json',
  )
  assert.equal(strategic.status, 415)

  const status = await patch(
    `${widgets}/w/status`,
    { spec: { size: 9 }, status: { replicas: 2, selector: 'app=w' } },
    'application/merge-patch+json',
  )
  assert.equal(status.body.spec.size, 5)
  assert.equal(status.body.metadata.generation, 2)
  const ignored = await patch(`${widgets}/w`, { status: { replicas: 7 } }, 'application/merge-patch+json')
  assert.equal(ignored.body.status.replicas, 2)

  const scaled = await patch(`${widgets}/w/scale`, { spec: { replicas: 4 } }, 'application/merge-patch+json')
  assert.deepEqual(scaled.body.spec, { replicas: 4 })
  assert.deepEqual(scaled.body.status, { replicas: 2, selector: 'app=w' })

  const apply = (manager: string, parts: object[]) =>
    patch(
      `${widgets}/w?fieldManager=${manager}`,
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { parts } },
      'application/apply-patch+yaml',
    )
  await apply('a', [{ name: 'one', count: 1 }])
  const both = await apply('b', [{ name: 'two', count: 2 }])
  assert.deepEqual(both.body.spec.parts, [
    { name: 'one', count: 1 },
    { name: 'two', count: 2 },
  ])
  const clash = await apply('b', [{ name: 'one', count: 3 }])
  assert.equal(clash.status, 409)
})

test('discovery and OpenAPI follow at once', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  const aggregated = 'application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList'
  const before = await request('GET', '/apis', undefined, { accept: aggregated })
  await define(fixture, definition([version('v1'), version('v2', { storage: false })]))
  await request('GET', widgets)
  const after = await request('GET', '/apis', undefined, { accept: aggregated })
  assert.notEqual(after.headers['etag'], before.headers['etag'])
  const group = after.body.items.find(
    (one: { metadata: { name: string } }) => one.metadata.name === 'example.com',
  )
  assert.deepEqual(
    group.versions.map((one: { version: string }) => one.version),
    ['v2', 'v1'],
  )
  const legacy = await request('GET', '/apis/example.com/v1')
  assert.deepEqual(
    legacy.body.resources.map((one: { name: string }) => one.name),
    ['widgets', 'widgets/scale', 'widgets/status'],
  )
  const index = await request('GET', '/openapi/v3')
  const url = index.body.paths['apis/example.com/v1'].serverRelativeURL
  const document = await request('GET', url)
  const { spec } = document.body.components.schemas['com.example.v1.Widget'].properties
  assert.equal(spec.properties.size.minimum, 1)

  const crd = await request('GET', `${crdPath}/widgets.example.com`)
  crd.body.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.minimum = 2
  assert.equal((await request('PUT', `${crdPath}/widgets.example.com`, crd.body)).status, 200)
  const changed = await request('GET', '/openapi/v3')
  assert.notEqual(changed.body.paths['apis/example.com/v1'].serverRelativeURL, url)
  assert.equal(changed.body.paths['api/v1'].serverRelativeURL, index.body.paths['api/v1'].serverRelativeURL)
})

test('versions are one object under two names', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  await define(fixture, definition([version('v1'), version('v2', { storage: false })]))
  await request('POST', widgets, widget('w'))
  const second = widgets.replace('/v1/', '/v2/')
  const read = await request('GET', `${second}/w`)
  assert.equal(read.body.apiVersion, 'example.com/v2')
  const written = await request(
    'PATCH',
    `${second}/w`,
    { spec: { size: 8 } },
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.equal(written.body.apiVersion, 'example.com/v2', written.text)
  const first = await request('GET', `${widgets}/w`)
  assert.equal(first.body.apiVersion, 'example.com/v1')
  assert.equal(first.body.spec.size, 8)
})

test('a changed definition closes watches, and one that is gone takes its kind away', async () => {
  await using fixture = await openFixture()
  const { request } = fixture
  await define(fixture, definition())
  await request('POST', widgets, widget('w'))
  const ending = new AbortController()
  const watch = await fixture.watch(`${widgets}?watch=true`, ending.signal)
  assert.equal((await watch.next()).value.type, 'ADDED')
  const path = `${crdPath}/widgets.example.com`
  const merge = { 'content-type': 'application/merge-patch+json' }
  await request('PATCH', path, { spec: { names: { categories: ['other'] } } }, merge)
  const end = (await watch.next()).value
  assert.equal(end.type, 'ERROR')
  assert.equal(end.object.code, 410)
  ending.abort()

  const marked = await request('DELETE', path)
  assert.deepEqual(marked.body.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io'])
  const late = await request('POST', widgets, widget('late'))
  assert.equal(late.status, 405, late.text)
  assert.equal((await request('GET', widgets)).status, 200)
  await request('PATCH', path, { metadata: { finalizers: null } }, merge)
  assert.equal((await request('GET', path)).status, 404)
  const listed = await request('GET', '/apis/example.com/v1')
  assert.equal(listed.status, 404)
})
