import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginFor, type Begin } from './messages.ts'

const listen = { host: '127.0.0.1', port: 0 }
const begin: Begin = {
  type: 'begin',
  dataDir: '/data',
  nodeName: 'node-1',
  listen,
  tlsListen: listen,
  gatewayListen: listen,
  store: 'postgres://me:s3cret@host/db',
  serverToken: 's3cret',
}

test('only the server is told what opens the store and the keys of the cluster', () => {
  assert.deepEqual(beginFor('server', begin), begin)
  for (const name of ['agent', 'gateway']) {
    const told = beginFor(name, begin)
    assert.doesNotMatch(JSON.stringify(told), /s3cret/)
    assert.equal(told.nodeName, 'node-1')
  }
})
