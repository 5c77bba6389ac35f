/**
 * Bytes to and from a pod through the connection that its node holds to the server, as another node's pods and the gateway
 * get there, beside a plain TCP relay and the direct way. One machine, no latency of a network: what shows is the work.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { realClock } from '../src/base/clock.ts'
import { localAddressOf, loopbackBlockAnnotation } from '../src/api/pod-address.ts'
import { nodes } from '../src/api/resources/nodes.ts'
import { pods } from '../src/api/resources/pods.ts'
import type { Node, Pod } from '../src/api/schema/types.gen.ts'
import { readKubeconfig, type Kubeconfig } from '../src/client/kubeconfig.ts'
import { createRelay } from '../src/client/relay.ts'
import { restClient } from '../src/client/rest-client.ts'
import { httpTransport } from '../src/client/transport-http.ts'
import { freePort } from './ports.ts'
import { median, type Bench, type Row } from './report.ts'
import { buildSampan, freePorts, sampanDown, startSampan } from './sampan.ts'

const rounds = 5
const pings = 1_000
const megabytes = 64
const port = 7_000
const readyWithinMs = 60_000

/** Answers `e…` with what follows it, and `d` with many megabytes. */
const appSource = `
const chunk = Buffer.alloc(1024 * 1024)
require('node:net').createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.once('data', (first) => {
    if (first[0] === 101) {
      if (first.length > 1) socket.write(first.subarray(1))
      return socket.on('data', (bytes) => socket.write(bytes))
    }
    let left = ${megabytes}
    const more = () => {
      while (left-- > 0) if (!socket.write(chunk)) return socket.once('drain', more)
      socket.end()
    }
    more()
  })
}).listen(${port})
`

const relaySource = `
const net = require('node:net')
const [port, host, to] = process.argv.slice(1)
net.createServer({ noDelay: true }, (socket) => {
  const out = net.connect({ host, port: Number(to), noDelay: true })
  for (const [one, other] of [[socket, out], [out, socket]]) {
    one.on('error', () => other.destroy())
    one.pipe(other)
  }
}).listen(Number(port), '127.0.0.1', () => console.log('up'))
`

type Way = () => Duplex

export const benchRelay: Bench = async (progress) => {
  buildSampan()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-relay-'))
  const dataDir = join(folder, 'sampan')
  const sampan = await startSampan({
    dataDir,
    ports: await freePorts(),
    build: 'compiled',
    withExample: false,
  })
  try {
    const kubeconfig = await readKubeconfig(join(dataDir, 'kubeconfig'))
    const place = await startApp(folder, kubeconfig)
    const relayPort = await freePort()
    const relayArgs = ['-e', relaySource, String(relayPort), place.host, String(port)]
    const relay = spawn(process.execPath, relayArgs, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(relay.stdout, 'data')
    const dial = createRelay({
      credentials: kubeconfig,
      servers: () => [kubeconfig.server],
      clock: realClock,
    })
    try {
      return await takeTurns(
        {
          direct: () => connect({ host: place.host, port, noDelay: true }),
          'plain TCP relay': () => connect({ host: '127.0.0.1', port: relayPort, noDelay: true }),
          'reverse connection': () => dial({ node: place.node, podIP: place.podIP, port }),
        },
        progress,
      )
    } finally {
      relay.kill('SIGKILL')
    }
  } finally {
    await sampan.stop()
    sampanDown(dataDir)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startApp(folder: string, kubeconfig: Kubeconfig) {
  const app = join(folder, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'bytes', main: 'main.js' }))
  writeFileSync(join(app, 'main.js'), appSource)
  await using transport = httpTransport(kubeconfig)
  const client = restClient(transport, 'bench')
  const resource = client.resource<Pod>(pods)
  const containers = [{ name: 'bytes', image: `dir:${app}`, ports: [{ containerPort: port }] }]
  const metadata = { name: 'bytes', namespace: 'default' }
  const signal = AbortSignal.timeout(readyWithinMs)
  await resource.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } })
  for await (const { object } of resource.watch({ namespace: 'default', resourceVersion: '0', signal })) {
    const { podIP, conditions = [] } = object.status ?? {}
    if (!podIP || !conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) continue
    const [node] = (await client.resource<Node>(nodes).list()).items
    const podCIDR = node?.spec?.podCIDR ?? ''
    const loopbackBlock = node?.metadata.annotations?.[loopbackBlockAnnotation] ?? ''
    const host = localAddressOf({ podIP, podCIDR, loopbackBlock }) ?? ''
    return { podIP, host, node: node?.metadata.name ?? '' }
  }
  throw new Error('the watch of the app ended')
}

async function takeTurns(
  ways: Readonly<Record<string, Way>>,
  progress: (line: string) => void,
): Promise<Row[]> {
  const measured = new Map<string, number[]>()
  const note = (what: string, value: number) => measured.set(what, [...(measured.get(what) ?? []), value])
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const { openMs, p50Us, p99Us } = await measureEcho(way)
      const perSecond = await measureDownload(way)
      progress(`relay ${round}/${rounds}, ${name}: ${p50Us.toFixed(0)} µs, ${perSecond.toFixed(0)} MiB/s`)
      if (round === 0) continue // warms up
      note(`${name}, opened, ms`, openMs)
      note(`${name}, round trip p50, µs`, p50Us)
      note(`${name}, round trip p99, µs`, p99Us)
      note(`${name}, MiB/s`, perSecond)
    }
  }
  return [...measured].map(([what, values]) => ({
    what,
    median: Number(median(values).toPrecision(3)),
    best: Number((what.endsWith('/s') ? Math.max(...values) : Math.min(...values)).toPrecision(3)),
  }))
}

/** One byte there and back, again and again on one connection. */
async function measureEcho(way: Way) {
  const startMs = realClock.monotonicMs()
  const stream = way()
  stream.write('e')
  const times: number[] = []
  let openMs = Number.NaN
  const answers = stream[Symbol.asyncIterator]()
  for (let i = 0; i <= pings; i++) {
    const sentMs = realClock.monotonicMs()
    stream.write('x')
    await answers.next()
    if (i === 0) openMs = realClock.monotonicMs() - startMs
    else times.push((realClock.monotonicMs() - sentMs) * 1_000)
  }
  stream.destroy()
  const sorted = times.toSorted((a, b) => a - b)
  return { openMs, p50Us: median(times), p99Us: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN }
}

async function measureDownload(way: Way): Promise<number> {
  const stream = way()
  stream.write('d')
  const startMs = realClock.monotonicMs()
  let bytes = 0
  for await (const chunk of stream) bytes += (chunk as Buffer).byteLength
  return bytes / 1024 / 1024 / ((realClock.monotonicMs() - startMs) / 1_000)
}
