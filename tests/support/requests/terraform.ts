/** Terraform's provider for Kubernetes: `kubernetes_manifest` plans by OpenAPI v2 and applies server-side, typed resources patch. */
import assert from 'node:assert/strict'
import { apps, configMap, core, notFound, patches, widgets, type Row } from './row.ts'

export const terraform: readonly Row[] = [
  {
    what: 'are the credentials good?',
    path: '/apis',
    headers: { accept: 'application/json, */*' },
    status: 200,
    shape: { kind: 'APIGroupList' },
  },
  {
    what: 'the types of everything',
    path: '/openapi/v2?timeout=30s',
    headers: { accept: 'application/json, */*', 'accept-encoding': 'identity' },
    status: 200,
    check: ({ definitions, paths }) => {
      assert.ok(
        definitions['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'].properties.labels.additionalProperties,
      )
      assert.ok(definitions['io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'])
      assert.ok(paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'].patch)
    },
  },
  {
    what: 'is the kind a custom one?',
    path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    status: 200,
    check: ({ items }) => assert.equal(items[0].spec.versions[0].schema.openAPIV3Schema.type, 'object'),
  },
  {
    what: 'plan: is it there?',
    path: `${core}/configmaps/tf`,
    status: 404,
    shape: notFound('', 'configmaps', 'tf'),
  },
  {
    what: 'plan: dry run',
    method: 'PATCH',
    path: `${core}/configmaps/tf?dryRun=All&fieldManager=Terraform&force=true`,
    headers: patches.apply,
    body: configMap('tf', { a: '1' }, { namespace: 'default' }),
    status: 201,
    shape: { data: { a: '1' } },
  },
  { what: 'the plan left nothing', path: `${core}/configmaps/tf`, status: 404 },
  {
    what: 'create by apply',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform&force=true`,
    headers: patches.apply,
    body: configMap('tf', { a: '1', b: '1' }, { namespace: 'default' }),
    status: 201,
    check: ({ metadata }) =>
      assert.partialDeepStrictEqual(metadata.managedFields, [
        { manager: 'Terraform', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' },
      ]),
  },
  {
    what: 'apply the same: nothing changes',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform&force=false`,
    headers: patches.apply,
    body: configMap('tf', { a: '1', b: '1' }, { namespace: 'default' }),
    status: 200,
    unchanged: true,
  },
  {
    what: 'apply without a field: it goes',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform`,
    headers: patches.apply,
    body: configMap('tf', { a: '1' }),
    status: 200,
    check: ({ data }) => assert.deepEqual(data, { a: '1' }),
  },
  {
    what: 'apply against another manager',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=other&force=false`,
    headers: patches.apply,
    body: configMap('tf', { a: '2' }),
    status: 409,
    shape: {
      reason: 'Conflict',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "Terraform"', field: '.data.a' }],
      },
    },
  },
  {
    what: 'apply with managedFields',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform`,
    headers: patches.apply,
    body: configMap(
      'tf',
      {},
      {
        managedFields: [
          { manager: 'x', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} },
        ],
      },
    ),
    status: 400,
    shape: { reason: 'BadRequest' },
  },
  {
    what: 'apply by nobody',
    method: 'PATCH',
    path: `${core}/configmaps/tf?force=true`,
    headers: patches.apply,
    body: configMap('tf'),
    status: 422,
    shape: { reason: 'Invalid' },
  },
  {
    what: 'apply a custom object',
    method: 'PATCH',
    path: `${widgets}/tf?fieldManager=Terraform&force=true`,
    headers: patches.apply,
    body: {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'tf', namespace: 'default' },
      spec: { size: 3 },
    },
    status: 201,
    shape: { spec: { size: 3 } },
  },
  {
    what: 'apply a field that nobody knows',
    method: 'PATCH',
    path: `${core}/configmaps/typo?fieldManager=Terraform&dryRun=All`,
    headers: patches.apply,
    body: { ...configMap('typo'), dataa: {} },
    status: 400,
    check: ({ message }) =>
      assert.match(message, /failed to create typed patch object .*\.dataa: field not declared in schema/),
  },
  {
    what: 'typed resources: JSON patch',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform`,
    headers: patches.json,
    body: [
      { op: 'add', path: '/metadata/labels', value: { l: 'v' } },
      { op: 'replace', path: '/data', value: { c: '3' } },
    ],
    status: 200,
    shape: { metadata: { labels: { l: 'v' } }, data: { c: '3' } },
  },
  {
    what: 'JSON patch of what is not there',
    method: 'PATCH',
    path: `${core}/configmaps/tf`,
    headers: patches.json,
    body: [{ op: 'remove', path: '/metadata/annotations/none' }],
    status: 422,
    shape: { reason: 'Invalid' },
  },
  {
    what: 'merge patch',
    method: 'PATCH',
    path: `${core}/configmaps/tf?fieldManager=Terraform`,
    headers: { 'content-type': 'application/merge-patch+json; charset=utf-8' },
    body: { data: { c: null, d: '4' } },
    status: 200,
    check: ({ data }) => assert.deepEqual(data, { d: '4' }),
  },
  {
    what: 'waits for a rollout by reading',
    path: `${apps}/deployments/web`,
    status: 200,
    check: ({ metadata, status }) => assert.ok(status.observedGeneration <= metadata.generation),
  },
  {
    what: 'imports',
    path: '/api/v1/namespaces/kube-system',
    status: 200,
    shape: { kind: 'Namespace', status: { phase: 'Active' } },
  },
  {
    what: 'destroys, with options',
    method: 'DELETE',
    path: `${core}/configmaps/tf`,
    body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' },
    status: 200,
  },
  {
    what: 'destroys, with empty options',
    method: 'DELETE',
    path: `${widgets}/tf`,
    body: {},
    status: 200,
    shape: { status: 'Success' },
  },
  {
    what: 'waits until it is gone',
    path: `${widgets}/tf`,
    status: 404,
    shape: notFound('example.com', 'widgets', 'tf'),
  },
]
