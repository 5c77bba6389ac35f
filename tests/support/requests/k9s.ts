/** k9s: asks what it may do, shows tables of everything, and watches usage. */
import assert from 'node:assert/strict'
import { accepts, accessReview, apps, core, notFound, patches, ssar, type Row } from './row.ts'

export const k9s: readonly Row[] = [
  { what: 'version', path: '/version?timeout=32s', status: 200, shape: { major: '1' } },
  {
    what: 'aggregated discovery',
    path: '/apis?timeout=2m0s',
    headers: { accept: accepts.discovery },
    status: 200,
    type: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    shape: { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' },
  },
  ...['get', 'list', 'watch', 'delete', 'patch'].map((verb) => ({
    what: `may I ${verb} pods?`,
    method: 'POST',
    path: ssar,
    body: accessReview({ namespace: 'default', verb, group: '', resource: 'pods' }),
    status: 201,
    shape: { status: { allowed: true } },
  })),
  {
    what: 'may I list metrics of everything?',
    method: 'POST',
    path: ssar,
    headers: { accept: accepts.typed },
    body: accessReview({ namespace: '', verb: 'list', group: 'metrics.k8s.io', resource: 'pods' }),
    status: 201,
    shape: { kind: 'SelfSubjectAccessReview', status: { allowed: true } },
  },
  {
    what: 'a view: a table with whole objects',
    path: `${core}/pods?includeObject=Object&limit=500`,
    headers: { accept: accepts.table },
    status: 200,
    shape: { kind: 'Table', apiVersion: 'meta.k8s.io/v1' },
    check: ({ columnDefinitions, rows, metadata }) => {
      assert.deepEqual([columnDefinitions[0].name, columnDefinitions[0].format], ['Name', 'name'])
      assert.equal(rows[0].cells.length, columnDefinitions.length)
      assert.deepEqual([rows[0].object.kind, typeof rows[0].object.spec.nodeName], ['Pod', 'string'])
      assert.match(metadata.resourceVersion, /^\d+$/)
    },
  },
  {
    what: 'a view without objects',
    path: `${core}/pods?includeObject=None`,
    headers: { accept: accepts.table },
    status: 200,
    check: ({ rows }) => assert.ok(rows.every((row: object) => !('object' in row) || row.object === null)),
  },
  {
    what: 'an older table',
    path: `${core}/pods`,
    headers: { accept: accepts.tableBeta },
    status: 200,
    shape: { kind: 'Table', apiVersion: 'meta.k8s.io/v1beta1' },
    check: ({ rows }) => assert.equal(rows[0].object.kind, 'PartialObjectMetadata'),
  },
  {
    what: 'one object as a table',
    path: `${apps}/deployments/web`,
    headers: { accept: accepts.table },
    status: 200,
    check: ({ kind, rows }) => assert.deepEqual([kind, rows.length, rows[0].cells[0]], ['Table', 1, 'web']),
  },
  {
    what: 'an error is a Status, whatever shape was asked for',
    path: `${core}/pods/nobody`,
    headers: { accept: accepts.table },
    status: 404,
    shape: notFound('', 'pods', 'nobody'),
  },
  {
    what: 'a view of custom objects',
    path: '/apis/example.com/v1/widgets?includeObject=Object',
    headers: { accept: accepts.table },
    status: 200,
    check: ({ columnDefinitions, rows }) =>
      assert.deepEqual(
        [columnDefinitions.map((column: { name: string }) => column.name), rows],
        [['Name', 'Age'], []],
      ),
  },
  {
    what: 'definitions',
    path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    status: 200,
    shape: { kind: 'CustomResourceDefinitionList' },
  },
  {
    what: 'pods of a node',
    path: '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&limit=500&resourceVersion=0',
    status: 200,
    check: ({ items }) => assert.ok(items.length >= 2),
  },
  {
    what: 'is there a metrics server?',
    path: '/apis/metrics.k8s.io',
    status: 200,
    shape: { kind: 'APIGroup', preferredVersion: { version: 'v1beta1' } },
  },
  {
    what: 'usage of nodes',
    path: '/apis/metrics.k8s.io/v1beta1/nodes',
    status: 200,
    shape: { kind: 'NodeMetricsList' },
  },
  {
    what: 'usage of pods',
    path: '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods',
    status: 200,
    shape: { kind: 'PodMetricsList' },
  },
  {
    what: 'the log',
    path: `${core}/pods/ticker/log?container=logger&tailLines=2&timestamps=true`,
    headers: { accept: 'application/json, */*' },
    status: 200,
    type: 'text/plain',
    check: (text) => assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z t[io]ck/),
  },
  {
    what: 'the log of a container before the one that runs',
    path: `${core}/pods/ticker/log?container=logger&previous=true`,
    status: 400,
    shape: { reason: 'BadRequest' },
  },
  {
    what: 'restart',
    method: 'PATCH',
    path: `${apps}/deployments/web`,
    headers: { ...patches.strategic, accept: accepts.typed },
    body: {
      spec: {
        template: {
          metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } },
        },
      },
    },
    status: 200,
    shape: { kind: 'Deployment' },
  },
  {
    what: 'the scale',
    path: `${apps}/deployments/web/scale`,
    status: 200,
    shape: { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 1 } },
  },
  {
    what: 'scaling, with no content type',
    method: 'PUT',
    path: `${apps}/deployments/web/scale`,
    headers: { 'content-type': '' },
    body: {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 1 },
    },
    status: 200,
    shape: { kind: 'Scale', spec: { replicas: 1 } },
  },
  {
    what: 'as somebody else',
    method: 'POST',
    path: ssar,
    headers: { 'impersonate-user': 'jane', 'impersonate-group': 'system:authenticated' },
    body: accessReview({ namespace: 'default', verb: 'list', group: '', resource: 'secrets' }),
    status: 201,
    shape: { status: { allowed: false } },
  },
  {
    what: 'somebody else may not',
    path: `${core}/secrets`,
    headers: { 'impersonate-user': 'jane' },
    status: 403,
    shape: { reason: 'Forbidden', details: { kind: 'secrets' } },
  },
]
