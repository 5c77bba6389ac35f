import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verb } from '../resource.ts'
import { openApiDocument, type OpenApiResource } from './openapi.ts'
import { typeNamed, type TypeDef } from './schema.ts'

const verbs: readonly Verb[] = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
]

const deployments: OpenApiResource = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  listKind: 'DeploymentList',
  plural: 'deployments',
  namespaced: true,
  verbs,
  subresources: [
    { name: 'status', verbs: ['get', 'update', 'patch'] },
    {
      name: 'scale',
      verbs: ['get', 'update', 'patch'],
      body: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    },
  ],
  schema: typeNamed('apps.v1.Deployment'),
}

/** The value at a path of keys. */
const at = (json: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce((value: unknown, key) => (value as Record<string, unknown> | undefined)?.[key], json)

const apps = openApiDocument({ group: 'apps', version: 'v1' }, [deployments], { version: '1' })
const schema = (name: string) => at(apps, 'components', 'schemas', name)
const collection = '/apis/apps/v1/namespaces/{namespace}/deployments'
const gvk = { group: 'apps', version: 'v1', kind: 'Deployment' }

test('each verb is an operation with its kind, action and parameters', () => {
  const actions = Object.entries(at(apps, 'paths') as Record<string, Record<string, unknown>>).map(
    ([path, item]) => [path, ...Object.values(item).flatMap((o) => at(o, 'x-kubernetes-action') ?? [])],
  )
  assert.deepEqual(actions, [
    [collection, 'list', 'post', 'deletecollection'],
    ['/apis/apps/v1/deployments', 'list'],
    [`${collection}/{name}`, 'get', 'put', 'patch', 'delete'],
    [`${collection}/{name}/status`, 'get', 'put', 'patch'],
    [`${collection}/{name}/scale`, 'get', 'put', 'patch'],
  ])
  const patch = at(apps, 'paths', `${collection}/{name}`, 'patch')
  assert.deepEqual(at(patch, 'x-kubernetes-group-version-kind'), gvk)
  assert.deepEqual(
    (at(patch, 'parameters') as { name: string }[]).map(({ name }) => name),
    ['dryRun', 'fieldManager', 'fieldValidation', 'force'],
  )
  const scale = at(apps, 'paths', `${collection}/{name}/scale`, 'put', 'x-kubernetes-group-version-kind')
  assert.deepEqual(scale, { group: 'autoscaling', version: 'v1', kind: 'Scale' })
})

test('components carry upstream names, kinds, list types and merge keys', () => {
  const deployment = schema('io.k8s.api.apps.v1.Deployment')
  assert.deepEqual(at(deployment, 'x-kubernetes-group-version-kind'), [gvk])
  assert.deepEqual(at(deployment, 'properties', 'metadata'), {
    allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
  })
  assert.deepEqual(at(schema('io.k8s.api.core.v1.Container'), 'properties', 'ports'), {
    type: 'array',
    items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.ContainerPort' }] },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    'x-kubernetes-patch-strategy': 'merge',
    'x-kubernetes-patch-merge-key': 'containerPort',
  })
  assert.deepEqual(at(schema('io.k8s.api.core.v1.ContainerPort'), 'required'), ['containerPort'])
  assert.deepEqual(at(schema('io.k8s.api.core.v1.ContainerPort'), 'properties', 'protocol'), {
    default: 'TCP',
    enum: ['SCTP', 'TCP', 'UDP'],
    type: 'string',
  })
  assert.deepEqual(at(schema('io.k8s.api.apps.v1.DeploymentSpec'), 'properties', 'replicas'), {
    type: 'integer',
    format: 'int32',
  })
  assert.ok(at(schema('io.k8s.api.apps.v1.DeploymentList'), 'x-kubernetes-group-version-kind'))
})

test('every reference leads somewhere', () => {
  const schemas = at(apps, 'components', 'schemas') as Record<string, unknown>
  const refs = JSON.stringify(apps).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)
  for (const [, name] of refs) assert.ok(Object.hasOwn(schemas, name ?? ''), name)
})

test('resources of another group-version stay out', () => {
  assert.deepEqual(
    at(openApiDocument({ group: '', version: 'v1' }, [deployments], { version: '1' }), 'paths'),
    {},
  )
})

test('a custom resource is published under its own name, with its own keywords and without strategic merge', () => {
  const port = {
    name: 'port',
    schema: { kind: 'int64', constraints: { minimum: 1 }, description: 'Where it listens.' },
    required: true,
    number: 0,
    pointer: true,
    promised: false,
    patchStrategy: [],
  } as const
  const type: TypeDef = {
    kind: 'object',
    name: 'com.example.v1.Widget',
    fields: new Map([['port', port]]),
    members: [],
    promised: [],
    isKind: true,
    preserveUnknown: true,
    atomic: false,
    lax: true,
  }
  const widgets: OpenApiResource = {
    group: 'example.com',
    version: 'v1',
    kind: 'Widget',
    listKind: 'WidgetList',
    plural: 'widgets',
    namespaced: false,
    verbs: ['get', 'list', 'patch'],
    subresources: [],
    schema: type,
  }
  const document = openApiDocument({ group: 'example.com', version: 'v1' }, [widgets], { version: '1' })
  assert.deepEqual(at(document, 'components', 'schemas', 'com.example.v1.Widget'), {
    type: 'object',
    properties: { port: { minimum: 1, description: 'Where it listens.', type: 'integer', format: 'int64' } },
    required: ['port'],
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Widget' }],
  })
  const content = at(
    document,
    'paths',
    '/apis/example.com/v1/widgets/{name}',
    'patch',
    'requestBody',
    'content',
  )
  assert.ok(!Object.keys(content as object).includes('application/strategic-merge-patch+json'))
  assert.ok(at(document, 'components', 'schemas', 'com.example.v1.WidgetList', 'properties', 'items'))
})
