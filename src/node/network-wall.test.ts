import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameServerDoors } from './network-wall.ts'

test('the system’s name servers are doors, on port 53 only', () => {
  const text = `# nameserver 10.0.0.1
nameserver 127.0.0.53
 nameserver\tfe80::1%eth0
search home
options nameserver`
  assert.deepEqual(nameServerDoors(text), [
    { address: '127.0.0.53', port: 53, protocol: 'udp' },
    { address: '127.0.0.53', port: 53, protocol: 'tcp' },
    { address: 'fe80::1', port: 53, protocol: 'udp' },
    { address: 'fe80::1', port: 53, protocol: 'tcp' },
  ])
})
