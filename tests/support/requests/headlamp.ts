/** Headlamp: a browser's requests, by way of its own backend. */
import assert from 'node:assert/strict'
import { configMap, core, notFound, patches, ssar, type Row } from './row.ts'

export const headlamp: readonly Row[] = [
  { what: 'version', path: '/version', status: 200 },
  {
    what: 'the documentation of kinds',
    path: '/openapi/v2',
    headers: { accept: 'application/json' },
    status: 200,
    shape: { swagger: '2.0' },
    check: ({ definitions }) => {
      const { properties } = definitions['io.k8s.api.apps.v1.DeploymentSpec']
      assert.equal(properties.template.$ref, '#/definitions/io.k8s.api.core.v1.PodTemplateSpec')
      assert.equal(definitions['com.example.v1.Widget'].properties.spec.properties.size.type, 'integer')
    },
  },
  {
    what: 'the index of version 3',
    path: '/openapi/v3',
    status: 200,
    check: ({ paths }) => assert.ok(paths['apis/example.com/v1']),
  },
  {
    what: 'what may I do?',
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace: 'default' },
    },
    status: 201,
    check: ({ status }) => {
      assert.ok(Array.isArray(status.resourceRules) && Array.isArray(status.nonResourceRules))
      assert.equal(status.incomplete, false)
    },
  },
  {
    what: 'may I see it?',
    method: 'POST',
    path: ssar,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          name: 'web',
          namespace: 'default',
          verb: 'update',
          group: 'apps',
          version: 'v1',
          resource: 'deployments',
        },
      },
    },
    status: 201,
    shape: { status: { allowed: true } },
  },
  {
    what: 'from another origin nothing is granted: a proxy of its own is in front',
    path: `${core}/configmaps`,
    headers: { origin: 'http://localhost:4466' },
    status: 200,
    check: (_, { headers }) => assert.equal(headers['access-control-allow-origin'], undefined),
  },
  {
    what: 'events, newest of a few',
    path: '/api/v1/events?limit=2000',
    status: 200,
    shape: { kind: 'EventList' },
  },
  {
    what: 'who am I?',
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    status: 201,
    check: ({ status }) => assert.equal(typeof status.userInfo.username, 'string'),
  },
  {
    what: 'a YAML editor: dry run first',
    method: 'POST',
    path: `${core}/configmaps?dryRun=All`,
    body: configMap('draft', { a: '1' }, { namespace: 'default' }),
    status: 201,
    shape: { kind: 'ConfigMap', data: { a: '1' } },
  },
  {
    what: 'and nothing is there',
    path: `${core}/configmaps/draft`,
    status: 404,
    shape: notFound('', 'configmaps', 'draft'),
  },
  {
    what: 'create',
    method: 'POST',
    path: `${core}/configmaps`,
    body: configMap('edited', { a: '1' }),
    status: 201,
    check: ({ metadata }) => assert.match(metadata.uid, /^[\da-f-]{36}$/),
  },
  {
    what: 'create again',
    method: 'POST',
    path: `${core}/configmaps`,
    body: configMap('edited'),
    status: 409,
    shape: { reason: 'AlreadyExists', message: 'configmaps "edited" already exists' },
  },
  {
    what: 'save',
    method: 'PUT',
    path: `${core}/configmaps/edited`,
    body: configMap('edited', { a: '2' }),
    status: 200,
    shape: { data: { a: '2' } },
  },
  {
    what: 'save what has changed meanwhile',
    method: 'PUT',
    path: `${core}/configmaps/edited`,
    body: configMap('edited', {}, { resourceVersion: '1' }),
    status: 409,
    check: ({ reason, message }) => {
      assert.equal(reason, 'Conflict')
      assert.match(
        message,
        /^Operation cannot be fulfilled on configmaps "edited": the object has been modified; please apply your changes to the latest version and try again$/,
      )
    },
  },
  {
    what: 'save under another name',
    method: 'PUT',
    path: `${core}/configmaps/edited`,
    body: configMap('other'),
    status: 400,
    shape: { reason: 'BadRequest' },
  },
  {
    what: 'cordon',
    method: 'PATCH',
    path: '/api/v1/nodes/node-1',
    headers: patches.merge,
    body: { spec: { unschedulable: true } },
    status: 200,
    shape: { spec: { unschedulable: true } },
  },
  {
    what: 'uncordon',
    method: 'PATCH',
    path: '/api/v1/nodes/node-1',
    headers: patches.merge,
    body: { spec: { unschedulable: null } },
    status: 200,
    check: ({ spec }) => assert.equal(spec.unschedulable, undefined),
  },
  {
    what: 'delete, with a content type and no body',
    method: 'DELETE',
    path: `${core}/configmaps/edited`,
    headers: { 'content-type': 'application/json' },
    status: 200,
    shape: { kind: 'Status', status: 'Success', details: { name: 'edited', kind: 'configmaps' } },
  },
]
