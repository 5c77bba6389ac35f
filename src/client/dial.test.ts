import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { loopbackBlockAnnotation } from '../api/pod-address.ts'
import { createDialer, DialError, type DialNode } from './dial.ts'
import { machineIdAnnotation } from './machine-identity.ts'

const node = (machineId: string): DialNode => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'n',
    annotations: { [machineIdAnnotation]: machineId, [loopbackBlockAnnotation]: '127.77.0.0/22' },
  },
  spec: { podCIDR: '10.64.0.0/22' },
})

const refusals = [
  { name: 'an unknown node', found: undefined, podIP: '10.64.0.5', why: /runs on node n, which is unknown/ },
  { name: 'another machine', found: node('there'), podIP: '10.64.0.5', why: /another machine/ },
  {
    name: 'an address that is not the node’s',
    found: node('here'),
    podIP: '10.65.0.5',
    why: /outside of the addresses of node n/,
  },
]
for (const { name, found, podIP, why } of refusals) {
  test(`${name}: the socket fails after the caller had a chance to listen`, async () => {
    const dial = createDialer({ nodeOf: () => found, machineId: 'here' })
    const [error] = await once(dial({ node: 'n', podIP, port: 80 }), 'error')
    assert.ok(error instanceof DialError && why.test(error.message), String(error))
  })
}

test('a pod of this machine is dialled at the loopback address behind its own', async () => {
  const server = createServer((socket) => socket.end('hello'))
  server.listen({ host: '127.77.0.5', port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const dial = createDialer({ nodeOf: () => node('here'), machineId: 'here' })
  const socket = dial({ node: 'n', podIP: '10.64.0.5', port })
  const [chunk] = await once(socket, 'data')
  socket.destroy() // it is half open: its own side does not end by itself
  assert.equal(String(chunk), 'hello')
  server.close()
  await once(server, 'close')
})
