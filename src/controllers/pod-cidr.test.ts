import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPodCIDR } from './pod-cidr.ts'

const blocksOf127 = (count: number) => Array.from({ length: count }, (_, i) => `10.127.${i * 4}.0/22`)

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
  { name: "what is the Services' is left out", taken: ['10.64.0.0/11'], is: '10.112.0.0/22' },
  {
    name: 'the last',
    taken: [
      '10.64.0.0/11',
      '10.112.0.0/13',
      '10.120.0.0/14',
      '10.124.0.0/15',
      '10.126.0.0/16',
      ...blocksOf127(63),
    ],
    is: '10.127.252.0/22',
  },
  {
    name: 'behind it there are none',
    taken: [
      '10.64.0.0/11',
      '10.112.0.0/13',
      '10.120.0.0/14',
      '10.124.0.0/15',
      '10.126.0.0/16',
      ...blocksOf127(64),
    ],
    is: undefined,
  },
  { name: 'all taken', taken: ['10.0.0.0/8'], is: undefined },
]
for (const { name, taken, is } of rows) test(name, () => assert.equal(nextPodCIDR(taken), is))
