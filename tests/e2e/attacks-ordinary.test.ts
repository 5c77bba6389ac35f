/**
 * What pods reach when the agent is an ordinary user, who has no packet filter: they are in a network of their own
 * (src/runtime/process/network/). Programs that are no Node.js are held, too (for hostile packages see `attacks.test.ts`), and the way to
 * apps and out of them is whole all the same.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { networkFolderOf } from '../../src/node/pod-wall.ts'
import { findProcess, keeperName } from '../../src/runtime/process/network/processes.ts'
import { holderName } from '../../src/runtime/process/network/space.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { openTarget, pod, type Target } from '../support/attacks.ts'
import { hubAddress, openHosts, type Host } from '../support/hosts.ts'
import { image, ingress, service, yaml } from '../support/manifests.ts'
import { asOrdinary, isReadable, ordinary, runFromCopy } from '../support/readable-checkout.ts'

const missing = ['bwrap', 'setpriv', 'ip'].find((program) => !isPresent(program))
const why =
  process.getuid?.() !== 0
    ? 'only root can be another user'
    : missing !== undefined
      ? `${missing} is not installed`
      : false
if (why !== false && process.env['CI'] === 'true') throw new Error(why)
const isCopied = why === false && !isReadable()
if (isCopied)
  test("an ordinary user's agent, from a copy that others may read", { timeout: 400_000 }, async () =>
    assert.match(await runFromCopy(import.meta.filename), /^ℹ pass [1-9]/m),
  )
const skip = isCopied ? 'other users may not read this checkout: it runs from a copy' : why

/** The one is of those in src/runtime/process/network/outlet.ts, the other is opened when somebody waits for it. */
const outerPorts = [8086, 48_086]

describe("an ordinary user's agent", { skip, timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack()
  let cluster: Cluster
  let hub: Host
  let target: Target
  before(async () => {
    const hosts = stack.use(await openHosts())
    hub = hosts.hub
    target = stack.use(await openTarget(hub))
    const { dataDir, planted, registry } = target
    for (const folder of [dirname(dataDir), dataDir, planted]) chownSync(folder, ordinary, ordinary)
    const host: Host = {
      ...hub,
      command: (program, args) => hub.command('setpriv', [...asOrdinary, program, ...args]),
    }
    cluster = stack.use(
      await openCluster({
        env: { SAMPAN_SANDBOX: 'bubblewrap,none', HOME: dataDir, npm_config_registry: registry },
        host,
        dataDir,
      }),
    )
    const wait = `require('node:fs').writeFileSync(process.env.HOME + '/note', process.env.TOKEN); setInterval(() => {}, 1000)`
    const env = [{ name: 'TOKEN', value: 'hidden-of-the-victim' }]
    const victim = { name: 'victim', image: image('hello'), command: ['node', '--eval', wait], env }
    const readinessProbe = { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 }
    const ports = [{ name: 'http', containerPort: 3000 }]
    const web = { name: 'web', image: image('hello'), ports, readinessProbe }
    const plain = podOf('plain', { ...web, name: 'plain' })
    const outside = {
      ...plain,
      metadata: { ...plain.metadata, annotations: { 'sampan.dev/sandbox': 'none' } },
    }
    const objects = [podOf('victim', victim), podOf('web', web), outside, service('web'), service('plain')]
    cluster.ok('apply -f -', { input: yaml(...objects, ingress('web', 'web.test')) })
    cluster.ok('wait --for=condition=Ready pod/web pod/plain pod/victim --timeout=60s')
  })
  after(() => stack.disposeAsync())

  /** What a program in the victim's pod prints. */
  const inPod = (...argv: readonly string[]) => cluster.ok(['exec', 'victim', '--', ...argv])
  const node = (program: string) => inPod('node', '--eval', program)
  /** From a host of that network, without any Sampan. */
  const fromHost = (url: string, host: string) =>
    hub.run(process.execPath, [
      '--eval',
      `require('node:http').get(${JSON.stringify(url)}, { headers: { host: ${JSON.stringify(host)} } }, (answer) => answer.pipe(process.stdout))`,
    ])

  test('says that there is a wall', () => {
    const path = String.raw`jsonpath={.metadata.annotations.sampan\.dev/network-wall}`
    assert.equal(cluster.ok(['get', 'node', 'node-1', '-o', path]), 'loopback,metadata')
  })

  test('holds programs that are no Node.js, by any way of writing the machine', () => {
    const places = [
      `127.0.0.1/${target.loopback}`,
      `0.0.0.0/${target.loopback}`,
      `::1/${target.loopback}`,
      `$SAMPAN_POD_ADDRESS/${target.shared}`,
      `127.0.0.1/${target.shared}`,
      `169.254.169.254/${target.metadata}`,
    ]
    const script = places.map((place) => `(exec 3<>/dev/tcp/${place}) 2>/dev/null && echo reached ${place}`)
    const address = podAddress(cluster, 'victim')
    const isThere = (place: string) => hub.run('bash', ['-c', `exec 3<>/dev/tcp/${place}`])
    for (const place of places.filter((each) => !each.includes('$'))) isThere(place)
    const said = inPod(
      'env',
      '-i',
      `SAMPAN_POD_ADDRESS=${address}`,
      'bash',
      '-c',
      `${script.join('\n')}\necho over`,
    )
    assert.equal(said, 'over\n')
  })

  test('leads nobody who asks its keeper to what is held off', () => {
    const hosts = [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::127.0.0.1',
    ]
    const asked = [
      ...hosts.map((host) => [host, target.loopback]),
      [podAddress(cluster, 'victim'), target.shared],
      [podAddress(cluster, 'web'), target.shared],
      [podAddress(cluster, 'nobody'), target.shared],
      [podIP(cluster, 'web'), target.shared],
      ['169.254.169.254', target.metadata],
      ['::ffff:a9fe:a9fe', target.metadata],
      ['2852039166', target.metadata],
    ]
    const answers = JSON.parse(node(askAll(asked))) as readonly object[]
    assert.deepEqual(
      answers.filter((answer) => 'address' in answer),
      [],
    )
    assert.equal(answers.length, asked.length)
  })

  test('leaves nothing of its own to the pods but the socket at which they ask', () => {
    const folder = `${memoryDirOf(join(cluster.dataDir, 'node'))}.net`
    assert.deepEqual(inPod('ls', folder).split(/\s+/).filter(Boolean), ['pods'])
    assert.deepEqual(inPod('ls', join(folder, 'pods')).split(/\s+/).filter(Boolean).toSorted(), [
      'out',
      'socket',
    ])
  })

  test('has apps that are reached by the gateway, by Services and by port-forward', async () => {
    const served = () => (fromHost(`${cluster.gatewayUrl}/a`, 'web.test') === 'hello /a\n' ? true : undefined)
    await until('the gateway serves it', served)
    assert.equal(node(`fetch('http://web/b').then((r) => r.text()).then(console.log)`), 'hello /b\n\n')
    assert.equal(
      node(`fetch('http://web.default.svc.cluster.local/c').then((r) => r.text()).then(console.log)`),
      'hello /c\n\n',
    )
    assert.equal(
      node(`fetch('http://${podIP(cluster, 'web')}:3000/d').then((r) => r.text()).then(console.log)`),
      'hello /d\n\n',
    )
    await using forward = cluster.follow('port-forward pod/web :3000')
    const [, port] = await until(
      'the port is forwarded',
      () => /127\.0\.0\.1:(\d+)/.exec(forward.stdout()) ?? undefined,
    )
    assert.equal(fromHost(`http://127.0.0.1:${port}/e`, 'localhost'), 'hello /e\n')
  })

  test('has pods of both sides of the wall that reach each other', () => {
    const ask = (name: string, of: string) =>
      cluster.ok([
        'exec',
        name,
        '--',
        'node',
        '--eval',
        `fetch('http://${of}/').then((r) => r.text()).then(console.log)`,
      ])
    assert.equal(ask('victim', 'plain'), 'hello /\n\n')
    assert.equal(ask('plain', 'web'), 'hello /\n\n')
  })

  test('has apps that reach the outside, and are told why they do not', () => {
    const reach = (port: number) =>
      node(`require('node:net').connect(${port}, '${hubAddress}')
        .on('connect', () => console.log('connected')).on('error', (error) => console.log(error.message)).resume()`)
    assert.equal(reach(target.shared), 'connected\n')
    assert.equal(reach(1), `connect ECONNREFUSED ${hubAddress}:1\n`)
  })

  test('has programs that are no Node.js, which reach the outside at usual ports and others', async () => {
    const answer = `
      const servers = ${JSON.stringify(outerPorts)}.map((port) =>
        require('node:net').createServer((socket) => socket.end('from outside')).listen(port, '${hubAddress}'))
      Promise.all(servers.map((server) => require('node:events').once(server, 'listening'))).then(() => console.log('up'))`
    const [program, args] = hub.command(process.execPath, ['--eval', answer])
    const outside = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(outside.stdout, 'data')
      for (const port of outerPorts) {
        const script = `exec 3<>/dev/tcp/${hubAddress}/${port}; cat <&3`
        assert.equal(inPod('env', '-i', 'bash', '-c', script), 'from outside')
      }
    } finally {
      outside.kill('SIGKILL')
    }
  })

  test('has a keeper that outlasts what pods do to it', () => {
    const record = join(networkFolderOf(join(cluster.dataDir, 'node')), keeperName)
    const keeper = readFileSync(record, 'utf8')
    // Breaks connections off in all ways, to the name server and to the outside, and sends nonsense for questions.
    node(`
      const net = require('node:net')
      const [names] = require('node:dns').getServers()
      const datagrams = require('node:dgram').createSocket('udp4')
      for (let n = 0; n < 50; n++) datagrams.send('nonsense', 53, names)
      const call = ([host, port, end]) => new Promise((resolve) => {
        const socket = net.connect(port, host, () => { socket.write('x'); setImmediate(() => socket[end]()) })
        socket.on('error', () => {}).on('close', resolve).setTimeout(1_000, () => socket.destroy()).resume()
      })
      const ends = ['resetAndDestroy', 'destroy', 'end']
      const calls = ends.flatMap((end) => [[names, 53, end], ['${hubAddress}', ${target.shared}, end], ['198.18.0.9', 443, end]])
      Promise.all(Array.from({ length: 20 }, () => calls).flat().map(call)).then(() => process.exit())`)
    assert.equal(readFileSync(record, 'utf8'), keeper)
    assert.equal(node(`fetch('http://web/').then((r) => r.text()).then(console.log)`), 'hello /\n\n')
  })

  test('serves on when the agent is killed, and takes the network over when it is back', async () => {
    const killed = cluster.pidOf('agent')
    process.kill(killed, 'SIGKILL')
    assert.equal(fromHost(`${cluster.gatewayUrl}/f`, 'web.test'), 'hello /f\n')
    await until('another agent is there', () => (cluster.pidOf('agent') === killed ? undefined : true))
    const asked = () => node(`fetch('http://web/g').then((r) => r.text()).then(console.log)`)
    assert.equal(await until('it answers', asked), 'hello /g\n\n')
    // Whoever holds the network is replaced: there is a way in again, and it is the same one.
    const networkFolder = networkFolderOf(join(cluster.dataDir, 'node'))
    const holder = () => findProcess(networkFolder, holderName)
    const held = holder()
    process.kill(held ?? 0, 'SIGKILL')
    await until('another holds the network', () => ([held, undefined].includes(holder()) ? undefined : true))
    assert.equal(await until('it answers', asked), 'hello /g\n\n')
    const native = `(exec 3<>/dev/tcp/127.0.0.1/${target.loopback}) 2>/dev/null && echo reached || echo held`
    assert.equal(inPod('env', '-i', 'bash', '-c', native), 'held\n')
  })
})

const podOf = (name: string, container: object) => ({
  ...pod(name, { containers: [container] }),
  metadata: { name, labels: { app: name } },
})

const podIP = (cluster: Cluster, name: string): string =>
  cluster.ok(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}'])

/** Behind its IP; of one that isn't there, an address that no pod has. */
function podAddress(cluster: Cluster, name: string): string {
  const path = String.raw`jsonpath={.metadata.annotations.sampan\.dev/loopback-block}`
  const [a, b, c] = cluster.ok(['get', 'node', 'node-1', '-o', path]).split(/[./]/)
  const last = name === 'nobody' ? '200' : podIP(cluster, name).split('.')[3]
  return [a, b, c, last].join('.')
}

/** A program that asks the keeper, as the preload does, for a way to each, and prints the answers. */
const askAll = (places: readonly (readonly (string | number)[])[]): string => `
  const { connect } = require('node:net')
  const ask = ([host, port]) => new Promise((resolve) => {
    const socket = connect(process.env.SAMPAN_OUT, () => socket.write(JSON.stringify({ connect: host, port, namespace: 'default' }) + '\\n'))
    let text = ''
    socket.on('data', (chunk) => (text += chunk)).on('close', () => resolve(JSON.parse(text)))
  })
  Promise.all(${JSON.stringify(places)}.map(ask)).then((answers) => console.log(JSON.stringify(answers)))`
