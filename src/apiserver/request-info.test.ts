import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBadRequest } from '../api/status.ts'
import { requestInfoOf } from './request-info.ts'

// method, target → verb, group/version, namespace, resource, name, subresource
const rows: readonly (readonly [string, string, string, string, string, string, string, string])[] = [
  ['GET', '/api/v1/pods', 'list', '/v1', '', 'pods', '', ''],
  ['GET', '/api/v1/pods?watch=true', 'watch', '/v1', '', 'pods', '', ''],
  ['GET', '/api/v1/pods?watch=1', 'watch', '/v1', '', 'pods', '', ''],
  ['GET', '/api/v1/pods?watch=false', 'list', '/v1', '', 'pods', '', ''],
  ['GET', '/api/v1/namespaces', 'list', '/v1', '', 'namespaces', '', ''],
  ['POST', '/api/v1/namespaces', 'create', '/v1', '', 'namespaces', '', ''],
  ['GET', '/api/v1/namespaces/x', 'get', '/v1', 'x', 'namespaces', 'x', ''],
  ['PUT', '/api/v1/namespaces/x/finalize', 'update', '/v1', 'x', 'namespaces', 'x', 'finalize'],
  ['PATCH', '/api/v1/namespaces/x/status', 'patch', '/v1', 'x', 'namespaces', 'x', 'status'],
  ['GET', '/api/v1/namespaces/x/pods', 'list', '/v1', 'x', 'pods', '', ''],
  ['DELETE', '/api/v1/namespaces/x/pods', 'deletecollection', '/v1', 'x', 'pods', '', ''],
  ['DELETE', '/api/v1/namespaces/x/pods/p', 'delete', '/v1', 'x', 'pods', 'p', ''],
  ['GET', '/api/v1/namespaces/x/pods/p/log?follow=true', 'get', '/v1', 'x', 'pods', 'p', 'log'],
  ['HEAD', '/api/v1/namespaces/x/pods/p', 'get', '/v1', 'x', 'pods', 'p', ''],
  ['POST', '/api/v1/namespaces/x/pods/p/binding', 'create', '/v1', 'x', 'pods', 'p', 'binding'],
  ['GET', '/apis/apps/v1/deployments', 'list', 'apps/v1', '', 'deployments', '', ''],
  ['PUT', '/apis/apps/v1/namespaces/x/deployments/d', 'update', 'apps/v1', 'x', 'deployments', 'd', ''],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/x/deployments/d/scale',
    'patch',
    'apps/v1',
    'x',
    'deployments',
    'd',
    'scale',
  ],
  ['GET', '/api/v1/nodes/a%2Fb', 'get', '/v1', '', 'nodes', 'a/b', ''],
  ['OPTIONS', '/api/v1/nodes', 'other', '/v1', '', 'nodes', '', ''],
]
for (const [method, target, verb, groupVersion, namespace, resource, name, subresource] of rows)
  test(`${method} ${target}`, () => {
    const info = requestInfoOf(method, target)
    assert.deepEqual(
      [info.isResource, info.verb, `${info.group}/${info.version}`.replace(/^\/\//, '/')],
      [true, verb, groupVersion],
    )
    assert.deepEqual(
      [info.namespace, info.resource, info.name, info.subresource],
      [namespace, resource, name, subresource],
    )
  })

for (const path of [
  '/',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/apps',
  '/apis/apps/v1',
  '/healthz',
  '/version',
  '/openapi/v3/api/v1',
])
  test(`${path} is no resource`, () => {
    assert.equal(requestInfoOf('GET', path).isResource, false)
  })

test('what follows a subresource is kept', () => {
  assert.deepEqual(requestInfoOf('GET', '/api/v1/nodes/n/proxy/a/b').rest, ['a', 'b'])
})

test('a malformed escape is a bad request', () => {
  assert.throws(() => requestInfoOf('GET', '/api/v1/pods/%zz'), isBadRequest)
})
