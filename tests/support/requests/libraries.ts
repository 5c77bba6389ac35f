/** What clients in other languages do differently. */
import assert from 'node:assert/strict'
import { core, patches, type Row } from './row.ts'

export const libraries: readonly Row[] = [
  {
    what: 'Python: several types are fine',
    path: `${core}/pods?pretty=true&timeout_seconds=5`,
    headers: {
      accept: 'application/json, application/yaml, application/vnd.kubernetes.protobuf',
      'content-type': 'application/json',
    },
    status: 200,
    shape: { kind: 'PodList' },
  },
  {
    what: 'Python: the dynamic client wants JSON of discovery',
    path: '/apis/apps/v1',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    status: 200,
    shape: { kind: 'APIResourceList' },
  },
  {
    what: 'Python: nulls where nothing was set',
    method: 'POST',
    path: `${core}/configmaps`,
    body: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'nulls', labels: null, ownerReferences: null, creationTimestamp: null },
      data: null,
      binaryData: null,
    },
    status: 201,
    shape: { metadata: { name: 'nulls' } },
  },
  {
    what: 'Python: an object as JSON patch',
    method: 'PATCH',
    path: `${core}/configmaps/nulls`,
    headers: patches.json,
    body: { data: { a: '1' } },
    status: 400,
    shape: { reason: 'BadRequest' },
  },
  {
    what: 'Python: delete with an empty body',
    method: 'DELETE',
    path: `${core}/configmaps/nulls`,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: '{}',
    status: 200,
  },
  {
    what: 'JavaScript: anything will do',
    path: `${core}/configmaps?watch=false&limit=0`,
    headers: { accept: '*/*' },
    status: 200,
    shape: { kind: 'ConfigMapList' },
  },
  {
    what: 'JavaScript: empty parameters',
    path: `${core}/configmaps?labelSelector=&fieldSelector=&continue=&resourceVersion=`,
    status: 200,
    shape: { kind: 'ConfigMapList' },
  },
  {
    what: 'JavaScript: a patch without a type',
    method: 'PATCH',
    path: `${core}/configmaps/kube-root-ca.crt`,
    headers: { 'content-type': 'application/json' },
    body: {},
    status: 415,
    shape: { reason: 'UnsupportedMediaType' },
  },
  {
    what: 'YAML both ways',
    method: 'POST',
    path: `${core}/configmaps?dryRun=All`,
    headers: { 'content-type': 'application/yaml', accept: 'application/yaml' },
    body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: "1"}\n',
    status: 201,
    type: 'application/yaml',
    check: (text) => assert.match(text, /^data:\n  a: "1"$/m),
  },
  {
    what: 'Java: integers and strings stay what they are',
    method: 'POST',
    path: `${core}/services?dryRun=All`,
    body: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: {
        ports: [
          { name: 'a', port: 80, targetPort: 8080 },
          { name: 'b', port: 81, targetPort: 'http' },
        ],
      },
    },
    status: 201,
    check: ({ spec }) =>
      assert.deepEqual(
        spec.ports.map((port: { targetPort: unknown }) => port.targetPort),
        [8080, 'http'],
      ),
  },
  {
    what: 'quantities are canonical',
    method: 'POST',
    path: `${core}/pods?dryRun=All`,
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'q' },
      spec: {
        containers: [{ name: 'c', image: 'npm:x', resources: { limits: { cpu: '0.5', memory: '1024Mi' } } }],
      },
    },
    status: 201,
    check: ({ spec }) =>
      assert.deepEqual(spec.containers[0].resources.limits, { cpu: '500m', memory: '1Gi' }),
  },
  { what: 'a document that has not changed', path: '/version', status: 200 },
  {
    what: 'no credentials, no list',
    path: `${core}/pods`,
    headers: { authorization: 'Bearer wrong' },
    status: 401,
    shape: { kind: 'Status', reason: 'Unauthorized' },
  },
  {
    what: 'a method nobody serves',
    method: 'OPTIONS',
    path: `${core}/pods`,
    status: 405,
    shape: { reason: 'MethodNotAllowed' },
  },
  { what: 'HEAD of the server', path: '/healthz', status: 200, type: 'text/plain; charset=utf-8' },
]
