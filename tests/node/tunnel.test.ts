/** The connection between a node and its server, both ends as they are, over a line that takes its time. */
import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { openNodeTunnels, type NodeTunnels } from '../../src/apiserver/node-tunnels.ts'
import { realClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openTunnel, type Tunnel } from '../../src/node/tunnel.ts'
import { until } from '../support/cluster.ts'

const oneWayMs = 100
const mebibyte = 1024 * 1024
const size = 16 * mebibyte
const open = new AsyncDisposableStack()
let nodes: NodeTunnels
let tunnel: Tunnel

before(async () => {
  nodes = open.use(openNodeTunnels({ clock: realClock, logger: silentLogger }))
  // Takes the place of the API server's listener: whoever comes gets an upgrade.
  const server = createServer({ noDelay: true }, (socket) => {
    socket.once('data', (head) => {
      const channel = /channel=(control|bulk)/.exec(String(head))?.[1] === 'bulk' ? 'bulk' : 'control'
      nodes.accept('far', channel, socket, new Uint8Array())
    })
  })
  const line = createServer({ noDelay: true }, (socket) => {
    const further = connect({ port: portOf(server), host: '127.0.0.1', noDelay: true })
    late(socket, further)
    late(further, socket)
  })
  for (const each of [server, line]) {
    await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))
    open.defer(() => void each.close())
  }
  tunnel = open.use(
    openTunnel({
      server: { server: `http://127.0.0.1:${portOf(line)}` },
      nodeName: 'far',
      serve: async (stream, headers) => {
        stream.respond({ ':status': 200 })
        if (headers[':path'] === '/echo') stream.pipe(stream)
        else
          stream.resume().once('end', () => stream.end(Buffer.alloc(headers[':path'] === '/down' ? size : 0)))
      },
      clock: realClock,
      random: seededRandom(1),
      logger: silentLogger,
    }),
  )
  await until('both channels are up', () => (tunnel.isConnected ? true : undefined))
})
after(() => open[Symbol.asyncDispose]())

const portOf = (server: ReturnType<typeof createServer>): number => (server.address() as AddressInfo).port

function late(from: Socket, to: Socket): void {
  from.on('data', (chunk) => void setTimeout(() => to.write(chunk), oneWayMs))
  from.once('close', () => to.destroy())
  from.on('error', () => {})
}

/** Bytes that came back. */
async function ask(path: string, sent: number): Promise<number> {
  const { stream } = await nodes.openStream('far', { method: 'POST', path })
  stream.end(Buffer.alloc(sent))
  let got = 0
  for await (const chunk of stream) got += (chunk as Buffer).length
  return got
}

/** With HTTP/2's own windows 16 MiB would take 50 seconds each way. */
const withinMs = 20_000
const rows = [
  { name: 'up', path: '/up', sent: size, got: 0, count: 1 },
  { name: 'down', path: '/down', sent: 0, got: size, count: 1 },
  { name: 'up and back at once, four times', path: '/echo', sent: size / 4, got: size / 4, count: 4 },
]
for (const { count, got, name, path, sent } of rows)
  test(`16 MiB ${name}, at 200 ms round trip`, async (t) => {
    const startMs = performance.now()
    const answers = await Promise.all(Array.from({ length: count }, () => ask(path, sent)))
    const tookMs = performance.now() - startMs
    t.diagnostic(`${((size / mebibyte / tookMs) * 1_000).toFixed(1)} MiB/s`)
    assert.deepEqual(new Set(answers), new Set([got]))
    assert.ok(tookMs < withinMs, `${Math.round(tookMs)} ms`)
  })
