/** Argo CD and Flux: discovery in every form, server-side diff by dry runs, pruning. */
import assert from 'node:assert/strict'
import { accepts, apps, configMap, core, notFound, patches, widgets, type Row } from './row.ts'

export const gitOps: readonly Row[] = [
  {
    what: 'the kinds of a parser of types',
    path: '/openapi/v2?timeout=32s',
    headers: { accept: accepts.openApiV2 },
    status: 200,
    type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    check: (text) =>
      assert.ok(
        text.includes('io.k8s.api.apps.v1.Deployment') && text.includes('x-kubernetes-list-map-keys'),
      ),
  },
  {
    what: 'legacy discovery: groups',
    path: '/apis',
    status: 200,
    shape: { kind: 'APIGroupList', apiVersion: 'v1' },
    check: ({ groups }) => assert.ok(groups.some((group: { name: string }) => group.name === 'example.com')),
  },
  {
    what: 'legacy discovery: the core',
    path: '/api',
    status: 200,
    shape: { kind: 'APIVersions', versions: ['v1'] },
  },
  {
    what: 'legacy discovery: resources',
    path: '/apis/apps/v1',
    status: 200,
    shape: { kind: 'APIResourceList', groupVersion: 'apps/v1' },
    check: ({ resources }) =>
      assert.ok(
        resources.some(
          (one: { name: string; verbs: string[] }) =>
            one.name === 'deployments/scale' && one.verbs.includes('patch'),
        ),
      ),
  },
  {
    what: 'an older aggregated discovery',
    path: '/apis',
    headers: { accept: 'application/json;v=v2beta1;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io' },
    status: 200,
    type: 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  },
  { what: 'a group that is gone', path: '/apis/nobody.io/v1', status: 404, check: (body) => assert.ok(body) },
  {
    what: 'a whole kind, page by page',
    path: '/api/v1/configmaps?limit=500',
    status: 200,
    shape: { kind: 'ConfigMapList' },
  },
  {
    what: 'server-side diff of what is there',
    method: 'PATCH',
    path: `${apps}/deployments/web?dryRun=All&fieldManager=argocd-controller&force=true`,
    headers: patches.apply,
    body: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: { replicas: 3 },
    },
    status: 200,
    shape: { spec: { replicas: 3 } },
  },
  {
    what: 'which changes nothing',
    path: `${apps}/deployments/web`,
    status: 200,
    shape: { spec: { replicas: 1 } },
  },
  {
    what: 'server-side diff of what is not',
    method: 'PATCH',
    path: `${core}/configmaps/new?dryRun=All&fieldManager=kustomize-controller&force=true`,
    headers: patches.apply,
    body: configMap('new', { a: '1' }),
    status: 201,
    check: ({ metadata }) => assert.equal(typeof metadata.uid, 'string'),
  },
  {
    what: 'a dry run in a namespace that is not there',
    method: 'PATCH',
    path: `/api/v1/namespaces/none/configmaps/new?dryRun=All&fieldManager=kustomize-controller&force=true`,
    headers: patches.apply,
    body: configMap('new'),
    status: 404,
    shape: notFound('', 'namespaces', 'none'),
  },
  {
    what: 'an invalid object',
    method: 'PATCH',
    path: `${core}/services/bad?dryRun=All&fieldManager=kustomize-controller&force=true`,
    headers: patches.apply,
    body: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'bad' },
      spec: { ports: [{ port: 99999 }] },
    },
    status: 422,
    shape: { reason: 'Invalid', details: { name: 'bad', kind: 'Service' } },
  },
  {
    what: 'YAML is applied as it is',
    method: 'PATCH',
    path: `${core}/configmaps/yaml?fieldManager=flux`,
    headers: patches.apply,
    body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata:\n  a: |\n    text\n',
    status: 201,
    shape: { data: { a: 'text\n' } },
  },
  {
    what: 'ownership is handed over by a guarded patch',
    method: 'PATCH',
    path: `${core}/configmaps/yaml`,
    headers: patches.json,
    body: [
      { op: 'replace', path: '/metadata/managedFields', value: [{}] },
      { op: 'replace', path: '/metadata/resourceVersion', value: '1' },
    ],
    status: 409,
    shape: { reason: 'Conflict' },
  },
  {
    what: 'health of custom objects: the status is its own',
    method: 'PATCH',
    path: `${widgets}/none/status?fieldManager=x`,
    headers: patches.merge,
    body: { status: {} },
    status: 404,
    shape: notFound('example.com', 'widgets', 'none'),
  },
  {
    what: 'prunes',
    method: 'DELETE',
    path: `${core}/configmaps/yaml`,
    body: { propagationPolicy: 'Background', preconditions: {} },
    status: 200,
  },
  {
    what: 'prunes again',
    method: 'DELETE',
    path: `${core}/configmaps/yaml`,
    status: 404,
    shape: notFound('', 'configmaps', 'yaml'),
  },
]
