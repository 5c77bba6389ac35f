import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notFound } from '../api/status.ts'
import { podRefusal } from './server-connection.ts'

const place = { pod: 'web', namespace: 'shop' }
const missing = JSON.stringify(notFound({ group: '', resource: 'pods' }, 'web').status)

test('a pod that is not there is named with its namespace and the way to those that are', () => {
  const { message } = podRefusal({ body: missing, status: 404 }, place, { namespace: 'default' })
  assert.equal(
    message,
    'pods "web" not found in the namespace shop: `kubectl get pods -n shop` lists what is there',
  )
  assert.match(
    podRefusal({ body: missing, status: 404 }, { pod: 'web' }, { namespace: 'default' }).message,
    /in the namespace default: `kubectl get pods -n default`/,
  )
})

test('what else the server says is passed on as it is', () => {
  const other = JSON.stringify(notFound({ group: '', resource: 'nodes' }, 'web').status)
  assert.equal(
    podRefusal({ body: other, status: 404 }, place, { namespace: 'default' }).message,
    'nodes "web" not found',
  )
  assert.equal(
    podRefusal({ body: 'busy', status: 503 }, place, { namespace: 'default' }).message,
    'the server answered 503: busy',
  )
})
