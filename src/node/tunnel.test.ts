import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { seededRandom } from '../base/ids.ts'
import { createMetrics } from '../base/metrics.ts'
import { silentLogger } from '../base/logger.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import { createNodeServer } from './node-server.ts'
import { createNodejsMeter } from './nodejs-metrics.ts'
import { createUsageMeter } from './usage.ts'
import { openTunnel, type Tunnel } from './tunnel.ts'

// The API server's end, as small as it gets: what it upgrades, it speaks HTTP/2 on as the client.
const server = createServer()
let tunnel: Tunnel
let accepted: Map<string, ClientHttp2Session>
let both = deferred()

beforeEach(async () => {
  accepted = new Map()
  both = deferred()
  server.removeAllListeners('upgrade')
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    assert.equal(request.headers.authorization, 'Bearer secret')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sampan-h2\r\n\r\n')
    const session = connect('http://node', { createConnection: () => socket })
    session.on('error', () => {}) // tests cut it
    accepted.set(request.url ?? '', session)
    if (accepted.size === 2) both.resolve()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const runtime = openFakeRuntime({ clock: realClock })
  const node = createNodeServer({
    clock: realClock,
    logger: silentLogger,
    runtime,
    findPod: () => undefined,
    findByAddress: () => undefined,
    nodeName: 'n1',
    dataAddresses: '',
    usage: createUsageMeter({ runtime, pods: () => [], clock: realClock, logger: silentLogger }),
    nodejs: createNodejsMeter({ runtime, pods: () => [], clock: realClock, logger: silentLogger }),
    metrics: createMetrics(),
    logFolders: async () => [],
  })
  tunnel = openTunnel({
    server: { server: `http://127.0.0.1:${port}`, token: 'secret' },
    nodeName: 'n1',
    serve: (stream, headers) => node.serve(stream, headers),
    clock: realClock,
    random: seededRandom(1),
    logger: silentLogger,
  })
})
afterEach(async () => {
  await tunnel[Symbol.asyncDispose]()
  for (const session of accepted.values()) session.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const bulk = '/sampan/v1/nodes/n1/tunnel?channel=bulk'

async function get(path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  const session = accepted.get(bulk)
  assert.ok(session)
  const stream = session.request({ ':path': path, ':method': method })
  let status = 0
  stream.on('response', (headers) => (status = Number(headers[':status'])))
  let body = ''
  for await (const chunk of stream) body += String(chunk)
  return { status, body }
}

test('both channels are dialled, and the node answers on them', async () => {
  await both.promise
  assert.deepEqual([...accepted.keys()].sort(), [bulk, bulk.replace('bulk', 'control')])
  assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok' })
})

const refused = [
  { path: '/nothing', status: 404 },
  { path: '/containerLogs/ns/none/c', status: 404 },
  { path: '/containerLogs/ns/none/c?tailLines=x', status: 422 },
  { path: '/containerLogs/%zz/none/c', status: 400 },
  { path: '/healthz', method: 'POST', status: 404 },
  { path: '/healthz', method: 'PUT', status: 400 },
]
for (const { path, method, status } of refused)
  test(`${method ?? 'GET'} ${path} is refused with a Status`, async () => {
    await both.promise
    const answer = await get(path, method)
    assert.equal(answer.status, status)
    assert.equal(JSON.parse(answer.body).kind, 'Status')
  })

test('a cut connection is dialled again', { timeout: 20_000 }, async () => {
  await both.promise
  both = deferred()
  for (const session of accepted.values()) session.destroy()
  accepted.clear()
  await both.promise
  assert.deepEqual(await get('/healthz'), { status: 200, body: 'ok' })
})
