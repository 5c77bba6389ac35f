import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressAt, formatIPv4, localAddressOf, parseCIDR, parseIPv4 } from './pod-address.ts'

const rows = [
  {
    name: 'same offset',
    podIP: '10.64.4.7',
    podCIDR: '10.64.4.0/22',
    block: '127.70.8.0/22',
    want: '127.70.8.7',
  },
  {
    name: 'carries',
    podIP: '10.64.6.9',
    podCIDR: '10.64.4.0/22',
    block: '127.70.8.0/22',
    want: '127.70.10.9',
  },
  {
    name: 'last',
    podIP: '10.64.7.255',
    podCIDR: '10.64.4.0/22',
    block: '127.127.252.0/22',
    want: '127.127.255.255',
  },
  {
    name: 'below the range',
    podIP: '10.64.3.255',
    podCIDR: '10.64.4.0/22',
    block: '127.70.8.0/22',
    want: undefined,
  },
  {
    name: 'above the range',
    podIP: '10.64.8.0',
    podCIDR: '10.64.4.0/22',
    block: '127.70.8.0/22',
    want: undefined,
  },
  {
    name: 'block too small',
    podIP: '10.64.4.7',
    podCIDR: '10.64.4.0/22',
    block: '127.70.8.0/30',
    want: undefined,
  },
  {
    name: 'block not loopback',
    podIP: '10.64.4.7',
    podCIDR: '10.64.4.0/22',
    block: '10.0.0.0/22',
    want: undefined,
  },
  { name: 'no range yet', podIP: '10.64.4.7', podCIDR: '', block: '127.70.8.0/22', want: undefined },
  { name: 'no IP', podIP: 'fd00::1', podCIDR: '10.64.4.0/22', block: '127.70.8.0/22', want: undefined },
]
for (const { name, podIP, podCIDR, block, want } of rows) {
  test(`local address: ${name}`, () => {
    assert.equal(localAddressOf({ podIP, podCIDR, loopbackBlock: block }), want)
  })
}

test('addresses above 127.255.255.255 survive the arithmetic', () => {
  assert.equal(formatIPv4(parseIPv4('203.0.113.255') ?? 0), '203.0.113.255')
  assert.equal(addressAt('192.168.0.0/16', 65_535), '192.168.255.255')
  assert.equal(addressAt('192.168.0.0/16', 65_536), undefined)
})

test('what is no range is refused', () => {
  for (const text of ['10.0.0.1/22', '10.0.0.0', '10.0.0.0/33', '10.00.0.0/8', '1.2.3/8', 'a/8'])
    assert.equal(parseCIDR(text), undefined, text)
})
