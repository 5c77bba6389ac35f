import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { noPacketFilter } from '../testdata/packet-filter.ts'
import type { WallState } from './network-wall.ts'
import { raiseRules, razeRules, type Wall } from './wall-rules.ts'

const wall: Wall = {
  chain: 'SAMPAN-one',
  groups: { first: 1000, last: 1999 },
  own: '127.64.4.0/22',
  openings: [
    { address: '127.0.0.1', port: 6443, protocol: 'tcp' },
    { address: '::1', port: 53, protocol: 'udp' },
  ],
}

test('what may pass stands before what is refused, each family by itself', () => {
  const four = raiseRules(wall, 'ipv4', '')
  assert.match(
    four,
    /-d 127\.64\.4\.0\/22 -j RETURN\n.*--dport 6443 -j RETURN\n.*-d 127\.0\.0\.0\/8 -j REJECT/,
  )
  assert.doesNotMatch(four, /::/)
  const six = raiseRules(wall, 'ipv6', '')
  assert.match(six, /-d ::1 -p udp --dport 53 -j RETURN\n.*-d ::1\/128 -j REJECT/)
  assert.doesNotMatch(six, /127\./)
})

test('rules of others are left alone, also those of a chain whose name begins alike', () => {
  const saved = `:SAMPAN-one-more - [0:0]\n-A OUTPUT -j SAMPAN-one-more\n-A OUTPUT -p tcp -j SAMPAN-one\n:SAMPAN-one - [0:0]\n`
  const lines = razeRules('SAMPAN-one', saved)?.split('\n')
  assert.deepEqual(lines, [
    '*filter',
    ':SAMPAN-one - [0:0]',
    '-D OUTPUT -p tcp -j SAMPAN-one',
    '-X SAMPAN-one',
    'COMMIT',
    '',
  ])
  assert.equal(razeRules('SAMPAN-two', saved), undefined)
})

const skip = noPacketFilter()

test('raised twice it stands once; the end of one agent leaves the wall of another', { skip }, () => {
  const module = JSON.stringify(import.meta.resolve('./network-wall.ts'))
  const script = `
    const { raiseWall, razeWall, readWall } = await import(${module})
    const one = ${JSON.stringify(wall)}
    const two = { ...one, chain: 'SAMPAN-two', own: '127.64.8.0/22' }
    const said = []
    for (const wall of [one, two, one]) said.push(await raiseWall(wall))
    await razeWall('SAMPAN-two')
    await razeWall('SAMPAN-two')
    console.log(JSON.stringify({ said, one: await readWall('SAMPAN-one'), two: await readWall('SAMPAN-two') }))
  `
  // In a network of its own: the machine's packet filter is not a test's.
  const args = ['--net', process.execPath, '--input-type=module', '--eval', script]
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { said, one, two } = JSON.parse(stdout) as Record<string, unknown>
  const [first, , again] = said as readonly WallState[]
  assert.ok(first?.isUp && again?.isUp)
  assert.deepEqual([first.stands, again.stands], [one, one])
  const jumps = String(one)
    .split('\n')
    .filter((line) => line.startsWith('-A OUTPUT '))
  assert.ok(jumps.length === 3 || jumps.length === 5, `${jumps.length} for one family or two`)
  assert.equal(String(two).trim(), '')
})
