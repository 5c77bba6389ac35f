/**
 * A company's network: nothing leaves it but by an HTTP proxy that wants a password, and in front of the server something ends
 * TLS and lets nothing but WebSockets through. The server's own agent and gateway go through the latter, too.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Report } from '../../src/main/preflight/report.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, root, runSampan, until, type Cluster } from '../support/cluster.ts'
import { hubAddress, openHosts, type Host, type Hosts } from '../support/hosts.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'
import { openConnectProxy, openWebSocketProxy, type Proxy } from '../support/proxies.ts'

const needed = ['ip', 'iptables', 'python3', 'tinyproxy', 'nginx']
const missing = needed.find((program) => !isPresent(program))
const why =
  missing !== undefined
    ? `${missing} is not installed`
    : process.getuid?.() !== 0
      ? 'hosts in network namespaces need root'
      : false
if (why !== false && process.env['CI'] === 'true') throw new Error(why)

const publicUrl = `https://${hubAddress}:8443`
const credentials = { user: 'clerk', password: 'p4ss-of-the-clerk' }
const proxyUrl = (password = credentials.password) =>
  `http://${credentials.user}:${password}@${hubAddress}:3128`

describe('through proxies', { skip: why, timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-office-'))
  const executable = join(root, 'bin', 'sampan')
  const stack = new AsyncDisposableStack()
  let hosts: Hosts
  let office: Host
  let connectProxy: Proxy
  let webSockets: Proxy
  let cluster: Cluster
  let agent: ChildProcess

  before(async () => {
    hosts = stack.use(await openHosts())
    const place = { host: hosts.hub, address: hubAddress }
    webSockets = stack.use(await openWebSocketProxy({ ...place, port: 8443 }, '127.0.0.1:8888'))
    connectProxy = stack.use(await openConnectProxy({ ...place, port: 3128 }, credentials))
    const listen = ['--listen', '127.0.0.1:8888', '--tls-listen', '127.0.0.1:18888']
    const args = [...listen, '--advertise', publicUrl]
    cluster = stack.use(await openCluster({ host: hosts.hub, args }))
    office = await hosts.behindNat('office', { delayMs: 2, lossPercent: 0, seed: 1 })
    office.run('iptables', ['-A', 'OUTPUT', '-o', 'lo', '-j', 'ACCEPT'])
    office.run('iptables', ['-A', 'OUTPUT', '-p', 'tcp', '!', '--dport', '3128', '-j', 'REJECT'])
  })
  after(async () => {
    if (agent) {
      const ended = once(agent, 'exit')
      agent.kill('SIGTERM')
      await ended
      runSampan(['down', '--data-dir', folder], 60_000)
    }
    await stack[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** kubectl knows nothing of WebSockets: it asks where the server listens. */
  const ok = (args: string, options = {}) =>
    cluster.ok(['--server', 'https://127.0.0.1:18888', ...args.split(' ')], options)
  const token = () => {
    const config = readFileSync(cluster.kubeconfig, 'utf8').replaceAll(publicUrl, 'https://127.0.0.1:18888')
    const place = join(folder, 'admin')
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'kubeconfig'), config)
    const [program, all] = hosts.hub.command(process.execPath, [
      executable,
      'token',
      'create',
      '--data-dir',
      place,
    ])
    return spawnSync(program, all, { encoding: 'utf8' }).stdout.trim()
  }
  const inOffice = (args: readonly string[], proxy: string) => {
    const [program, all] = office.command(process.execPath, [executable, ...args])
    const env = { ...process.env, HTTPS_PROXY: proxy, NO_PROXY: 'localhost' }
    return { program, all, env }
  }
  const run = (args: readonly string[], proxy = proxyUrl()) => {
    const { all, env, program } = inOffice(args, proxy)
    return spawnSync(program, all, { env, encoding: 'utf8', timeout: 60_000 })
  }

  test('preflight says by which way the server is reached', () => {
    const { stdout } = run(['preflight', publicUrl, '-o', 'json', '--data-dir', join(folder, 'pre')])
    const { checks } = JSON.parse(stdout) as Report
    const found = checks.find(({ name }) => name === 'server')
    assert.equal(found?.verdict, 'ok', found?.found)
    assert.match(found.found, /answers through the proxy 10\.99\.0\.1:3128 inside of a WebSocket/)
  })

  test('a proxy that refuses is named, and its credentials are not', () => {
    const args = ['join', publicUrl, '--token', token(), '--name', 'office', '--data-dir', folder]
    const { status, stderr } = run(args, proxyUrl('guessed'))
    assert.equal(status, 1)
    assert.match(stderr, /10\.99\.0\.1:3128 takes none of the credentials in HTTPS_PROXY/)
    assert.ok(!stderr.includes('guessed'))
  })

  test('a machine joins, runs an app, and is reached', async () => {
    const args = ['join', publicUrl, '--token', token(), '--name', 'office', '--data-dir', folder]
    const { all, env, program } = inOffice(args, proxyUrl())
    agent = spawn(program, all, { env, stdio: 'ignore' })
    await until('office is there', () => (ok('get nodes -o name').includes('node/office') ? true : undefined))
    ok('wait --for=condition=Ready node/office node/node-1 --timeout=60s')
    const { spec, ...rest } = deployment({ name: 'desk', app: 'caller' })
    const template = { ...spec.template, spec: { ...spec.template.spec, nodeName: 'office' } }
    const desk = { ...rest, spec: { ...spec, template } }
    ok('apply -f -', { input: yaml(desk, service('desk'), ingress('desk', 'desk.test')) })
    ok('rollout status deployment/desk --timeout=60s')
    assert.match(ok('logs deployment/desk'), /listening/)
    assert.equal(ok('exec -i deployment/desk -- wc -c', { input: 'x'.repeat(1_000_000) }).trim(), '1000000')
    assert.equal(ok('exec deployment/desk -- head -c 1000000 /dev/zero').length, 1_000_000)
    await until('the gateway reaches it', () => {
      const args = ['-e', requestScript, cluster.gatewayUrl, 'desk.test']
      return hosts.hub.run(process.execPath, args).startsWith('I am desk-') ? true : undefined
    })
  })

  test('nothing else got through, and the password is in no log', () => {
    const passed = webSockets
      .log()
      .split('\n')
      .filter((line) => line.startsWith('101 '))
    assert.ok(passed.length > 0)
    assert.ok(
      passed.every((line) => line === '101 /sampan/v1/tls websocket'),
      passed.join('\n'),
    )
    assert.match(connectProxy.log(), /CONNECT 10\.99\.0\.1:8443/)
    const logs = globSync(join(folder, 'logs', '*')).map((file) => readFileSync(file, 'utf8'))
    assert.ok(logs.some((text) => text.includes('inside of a WebSocket')))
    for (const text of logs) assert.ok(!text.includes(credentials.password))
  })
})

/** With a host of its own, which `fetch` does not let one choose. */
const requestScript = `require('http').get(process.argv[1], { headers: { host: process.argv[2] } }, (r) => { r.setEncoding('utf8'); r.on('data', (t) => process.stdout.write(t)) }).on('error', (e) => console.log(e.message))`
