/**
 * Machines at home: a server that everybody reaches, and two nodes, each behind a NAT of its own and a line of 100 ms one way
 * that loses 2 % of all packets. `CUT_SECONDS=300` cuts the line for longer.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, root, runSampan, until, type Cluster } from '../support/cluster.ts'
import { hubAddress, openHosts, type Hosts, type NattedHost } from '../support/hosts.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'
import { testSeed as seed } from '../../src/base/test-seed.ts'

const cutSeconds = Number(process.env['CUT_SECONDS'] ?? 20)
const line = { delayMs: 100, lossPercent: 2 }
const missing = ['ip', 'iptables', 'python3'].find((program) => !isPresent(program))
const why =
  missing !== undefined
    ? `${missing} is not installed, needed for hosts in network namespaces`
    : process.getuid?.() !== 0
      ? 'hosts in network namespaces need root'
      : false
if (why !== false && process.env['CI'] === 'true') throw new Error(why)

describe(`two machines behind NATs (SEED=${seed})`, { skip: why, timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-machines-'))
  const names = ['home-a', 'home-b'] as const
  let hosts: Hosts
  let cluster: Cluster
  const machines = new Map<string, NattedHost>()
  const agents: ChildProcess[] = []

  before(async () => {
    hosts = await openHosts()
    cluster = await openCluster({
      host: hosts.hub,
      args: ['--name', 'hub', '--tls-listen', '0.0.0.0:18888', '--advertise', `https://${hubAddress}:18888`],
    })
    for (const [i, name] of names.entries()) {
      const machine = await hosts.behindNat(name, { ...line, seed: seed + i })
      machines.set(name, machine)
      const { stdout } = runInHub('token', 'create', '--data-dir', cluster.dataDir)
      const args = ['join', `https://${hubAddress}:18888`, '--data-dir', join(folder, name), '--name', name]
      const [program, all] = machine.command(process.execPath, [
        executable,
        ...args,
        '--token',
        stdout.trim(),
      ])
      agents.push(spawn(program, all, { stdio: 'ignore' }))
    }
    for (const name of names) await ready(name)
    cluster.ok('apply -f -', { input: yaml(...names.flatMap((name) => appOn(name))) })
    for (const name of names) cluster.ok(`rollout status deployment/${name} --timeout=120s`)
  })
  after(async () => {
    for (const agent of agents) {
      const ended = once(agent, 'exit')
      agent.kill('SIGTERM')
      await ended
    }
    for (const name of names) runSampan(['down', '--data-dir', join(folder, name)], 60_000)
    await cluster[Symbol.asyncDispose]()
    await hosts[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const executable = join(root, 'bin', 'sampan')
  const runInHub = (...args: readonly string[]) => {
    const [program, all] = hosts.hub.command(process.execPath, [executable, ...args])
    return spawnSync(program, all, { encoding: 'utf8' })
  }
  const ready = (name: string) =>
    until(
      `${name} is ready`,
      () =>
        cluster.kubectl(`wait --for=condition=Ready node/${name} --timeout=2s`).code === 0 ? true : undefined,
      120_000,
    )
  /** What the gateway answers. */
  const viaGateway = (host: string, path = '/') => {
    const script = `require('http').get(process.argv[1], { headers: { host: process.argv[2] } }, (r) => { r.setEncoding('utf8'); let t = ''; r.on('data', (c) => (t += c)); r.on('end', () => console.log(t)) }).on('error', (e) => console.log(e.message))`
    return hosts.hub.run(process.execPath, ['-e', script, `${cluster.gatewayUrl}${path}`, host]).trim()
  }
  const machine = (name: (typeof names)[number]): NattedHost => {
    const found = machines.get(name)
    assert.ok(found)
    return found
  }
  const containerOf = (name: string) =>
    cluster.ok(`get pods -l app=${name} -o jsonpath={.items[*].status.containerStatuses[0].containerID}`)
  const answers = (name: string) =>
    until(
      `${name} answers`,
      () => (viaGateway(`${name}.test`).startsWith(`I am ${name}-`) ? true : undefined),
      120_000,
    )

  test('logs, commands, forwarded ports and the gateway reach both', async () => {
    for (const name of names) {
      assert.equal(cluster.ok(`exec deployment/${name} -- echo at ${name}`), `at ${name}\n`)
      assert.match(cluster.ok(`logs deployment/${name}`), /listening/)
      await answers(name)
      await using forward = cluster.follow(`port-forward deployment/${name} 0:3000`)
      const port = await until('it forwards', () => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout())?.[1])
      const script = `fetch('http://127.0.0.1:${port}/').then((r) => r.text()).then(console.log)`
      assert.match(hosts.hub.run(process.execPath, ['-e', script]), new RegExp(`^I am ${name}-`))
    }
  })

  test('pods behind different NATs call each other', () => {
    for (const [from, to] of [names, names.toReversed()])
      assert.match(
        viaGateway(`${from}.test`, `/call?url=${encodeURIComponent(`http://${to}/`)}`),
        new RegExp(`^I am ${to}-`),
      )
  })

  test('a megabyte goes out and in', () => {
    const input = 'x'.repeat(1_000_000)
    const sum = cluster.ok('exec -i deployment/home-a -- wc -c', { input })
    assert.equal(sum.trim(), '1000000')
    assert.equal(cluster.ok('exec deployment/home-b -- head -c 1000000 /dev/zero').length, 1_000_000)
  })

  test('a new address on the outside changes nothing but that', async () => {
    const before = containerOf('home-a')
    machine('home-a').moveTo('10.99.77.1')
    await until(
      'commands reach it again',
      () => (cluster.kubectl('exec deployment/home-a -- echo moved').stdout === 'moved\n' ? true : undefined),
      60_000,
    )
    await answers('home-a')
    assert.equal(containerOf('home-a'), before)
  })

  test(`a line that is cut for ${cutSeconds} s stops no app, and heals by itself`, async (t) => {
    const before = containerOf('home-b')
    machine('home-b').cut()
    await until(
      'the cluster notices',
      () => (/NotReady/.test(cluster.ok('get node home-b --no-headers')) ? true : undefined),
      60_000,
    )
    await new Promise((resolve) => setTimeout(resolve, cutSeconds * 1_000)) // the length of the cut is what this is about
    assert.match(viaGateway('home-a.test'), /^I am home-a-/, 'the others go on')
    machine('home-b').heal()
    const healedMs = performance.now()
    await ready('home-b')
    await answers('home-b')
    t.diagnostic(`healed within ${Math.round((performance.now() - healedMs) / 1_000)} s`)
    assert.equal(containerOf('home-b'), before, 'the same process as before')
  })
})

/** Stays where it is, also while its node is not heard of. */
function appOn(nodeName: string): readonly object[] {
  const { spec, ...rest } = deployment({ name: nodeName, app: 'caller' })
  const tolerations = ['not-ready', 'unreachable'].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: 'Exists',
    effect: 'NoExecute',
  }))
  const template = { ...spec.template, spec: { ...spec.template.spec, nodeName, tolerations } }
  return [{ ...rest, spec: { ...spec, template } }, service(nodeName), ingress(nodeName, `${nodeName}.test`)]
}
