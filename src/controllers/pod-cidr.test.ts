import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPodCIDR } from './pod-cidr.ts'

const rows = [
  { name: 'the first', taken: [], is: '10.64.0.0/22' },
  { name: 'the next', taken: ['10.64.0.0/22'], is: '10.64.4.0/22' },
  { name: 'a gap is filled', taken: ['10.64.0.0/22', '10.64.8.0/22'], is: '10.64.4.0/22' },
  {
    name: 'beyond a byte',
    taken: Array.from({ length: 64 }, (_, i) => `10.64.${i * 4}.0/22`),
    is: '10.65.0.0/22',
  },
  {
    name: 'a larger block that somebody chose by hand is kept clear of',
    taken: ['10.64.0.0/16'],
    is: '10.65.0.0/22',
  },
  { name: 'a smaller one too', taken: ['10.64.1.128/25'], is: '10.64.4.0/22' },
  { name: 'one elsewhere does not matter', taken: ['192.168.0.0/16', 'fd00::/64'], is: '10.64.0.0/22' },
  { name: 'all taken', taken: ['10.0.0.0/8'], is: undefined },
]
for (const { name, taken, is } of rows) test(name, () => assert.equal(nextPodCIDR(taken), is))

test('4096 nodes get blocks of their own, then there are no more', () => {
  const taken = Array.from({ length: 4_095 }, (_, i) => `10.${64 + (i >> 6)}.${(i & 63) * 4}.0/22`)
  assert.equal(nextPodCIDR(taken), '10.127.252.0/22')
  assert.equal(nextPodCIDR([...taken, '10.127.252.0/22']), undefined)
})
