import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findProgram } from '../runtime/process/sandbox/find-program.ts'
import { nameServerOpenings } from './network-wall.ts'

test('the system’s name servers stay open, on port 53 only', () => {
  const text = `# nameserver 10.0.0.1
nameserver 127.0.0.53
 nameserver\tfe80::1%eth0
search home
options nameserver`
  assert.deepEqual(nameServerOpenings(text), [
    { address: '127.0.0.53', port: 53, protocol: 'udp' },
    { address: '127.0.0.53', port: 53, protocol: 'tcp' },
    { address: 'fe80::1', port: 53, protocol: 'udp' },
    { address: 'fe80::1', port: 53, protocol: 'tcp' },
  ])
})

const missing = ['unshare', 'iptables', 'ip6tables'].find((name) => !findProgram(name))
const skip =
  process.getuid?.() !== 0
    ? 'only root has a packet filter'
    : missing !== undefined
      ? `${missing} is not installed`
      : false

test('who empties the packet filter is noticed at the next look, and the wall stands again', { skip }, () => {
  const [node, runtime] = ['./network-wall.ts', '../runtime/process/sandbox/network-wall.ts'].map((path) =>
    JSON.stringify(import.meta.resolve(path)),
  )
  const script = `
    import { execFileSync } from 'node:child_process'
    const { openNetworkWall } = await import(${node})
    const { readWall, wallChainOf } = await import(${runtime})
    let look
    const clock = { every: (_ms, fn) => ((look = fn), () => {}) }
    const logger = { warn: (message) => said.push(message) }
    const said = []
    const chain = wallChainOf('/a/node')
    const options = { dataDir: '/a/node', loopbackBlock: '127.64.4.0/22', apiServer: { host: '127.0.0.1', port: 6443 }, clock, logger }
    const wall = await openNetworkWall(options)
    const before = await readWall(chain)
    execFileSync('iptables', ['-F'])
    look()
    await wall[Symbol.asyncDispose]()
    console.log(JSON.stringify({ isUp: wall.isUp(), said, isSame: before === (await readWall(chain)), before }))
  `
  // In a network of its own: the machine's packet filter is not a test's.
  const args = ['--net', process.execPath, '--input-type=module', '--eval', script]
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { isUp, said, isSame, before } = JSON.parse(stdout) as Record<string, unknown>
  assert.match(String(before), /-d 127\.0\.0\.1\/32 -p tcp -m tcp --dport 6443 -j RETURN/)
  assert.deepEqual({ isUp, isSame }, { isUp: true, isSame: true })
  assert.match(String(said), /^the rules .* were changed: made again$/)
})
