import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { noPacketFilter } from '../runtime/process/testdata/packet-filter.ts'
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

const skip = noPacketFilter()

const [node, runtime] = ['./network-wall.ts', '../runtime/process/sandbox/network-wall.ts'].map((path) =>
  JSON.stringify(import.meta.resolve(path)),
)

/** Runs modules, one process after the other, in a network of their own: the machine's packet filter is not a test's. */
function runInNetwork(t: TestContext, ...bodies: readonly string[]): Record<string, unknown> {
  const records = mkdtempSync(join(tmpdir(), 'sampan-walls-'))
  t.after(() => rmSync(records, { recursive: true }))
  const scripts = bodies.map(
    (body) => `
    import { execFileSync } from 'node:child_process'
    const { openNetworkWall } = await import(${node})
    const { readWall, wallChainOf } = await import(${runtime})
    let look
    const clock = { every: (_ms, fn) => ((look = fn), () => {}) }
    const said = []
    const logger = { warn: (message) => said.push(message), info: (message) => said.push(message) }
    const apiServer = { host: '127.0.0.1', port: 6443 }
    const open = (dataDir, loopbackBlock) =>
      openNetworkWall({ dataDir, loopbackBlock, records: ${JSON.stringify(records)}, apiServer, clock, logger })
    ${body}`,
  )
  const line = 'for body; do "$NODE" --input-type=module --eval "$body" || exit; done'
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', line, 'sh', ...scripts], {
    encoding: 'utf8',
    env: { ...process.env, NODE: process.execPath },
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Record<string, unknown>
}

test(
  'who empties the packet filter is noticed at the next look, and the wall stands again',
  { skip },
  (t) => {
    const { isUp, said, isSame, before } = runInNetwork(
      t,
      `
    const chain = wallChainOf('/a/node')
    const wall = await open('/a/node', '127.64.4.0/22')
    const before = await readWall(chain)
    execFileSync('iptables', ['-F'])
    look()
    await wall[Symbol.asyncDispose]()
    console.log(JSON.stringify({ isUp: wall.isUp(), said, isSame: before === (await readWall(chain)), before }))`,
    )
    assert.match(String(before), /-d 127\.0\.0\.1\/32 -p tcp -m tcp --dport 6443 -j RETURN/)
    assert.deepEqual({ isUp, isSame }, { isUp: true, isSame: true })
    assert.match(String(said), /^the rules .* were changed: made again$/)
  },
)

test('an agent that starts takes away the wall of one that was killed', { skip }, (t) => {
  const { said, left, own } = runInNetwork(
    t,
    `await open('/killed/node', '127.64.8.0/22')`,
    `
    await open('/a/node', '127.64.4.0/22')
    const [left, own] = await Promise.all(['/killed/node', '/a/node'].map((dir) => readWall(wallChainOf(dir))))
    console.log(JSON.stringify({ said, left, own }))`,
  )
  assert.equal(String(left).trim(), '')
  assert.notEqual(String(own).trim(), '')
  assert.deepEqual(said, ['walls of killed agents are taken away'])
})
