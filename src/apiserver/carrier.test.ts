/** Connections inside of a WebSocket, before anybody has said who they are. The whole way: `tests/e2e/proxies.test.ts`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect as connectHttp2, createSecureServer } from 'node:http2'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'
import { realClock } from '../base/clock.ts'
import { inMessages, messageBytesMax } from '../base/message-stream.ts'
import { createCarriers } from './carrier.ts'
import { createCa, openServerCertificate } from './certificates.ts'

async function carryTo(deliver: (stream: Duplex) => void) {
  const carriers = createCarriers(deliver)
  const server: Server = createServer().on('upgrade', (request, socket: Duplex, head: Buffer) =>
    assert.ok(carriers.accept(request, socket, head)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    open: () =>
      new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/sampan/v1/tls`, 'sampan-tls'),
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a stranger can send small messages only', async () => {
  const broken = Promise.withResolvers<Error>()
  using carried = await carryTo((stream) => void stream.on('error', broken.resolve).resume())
  const socket = carried.open()
  await once(socket, 'open')
  socket.send(Buffer.alloc(messageBytesMax))
  socket.send(Buffer.alloc(messageBytesMax + 1))
  assert.equal((await once(socket, 'close'))[0], 1009)
  assert.equal((await broken.promise).message, 'Max payload size exceeded')
})

test('TLS fits into small messages, however much is sent at once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sampan-carrier-'))
  const ca = await createCa(realClock)
  const pair = await openServerCertificate({ directory, ca, hosts: ['localhost'], clock: realClock })
  await rm(directory, { recursive: true })
  const body = Buffer.alloc(4 * 1024 * 1024, 'x')
  const secure = createSecureServer({ ...pair, settings: { initialWindowSize: 2 * body.length } })
  secure.on('stream', (stream) => {
    stream.respond()
    stream.resume().on('end', () => stream.end(body))
  })
  using carried = await carryTo((stream) => void secure.emit('connection', stream))
  const webSocket = carried.open()
  const lengths: number[] = []
  webSocket.on('message', (message: Buffer) => lengths.push(message.length))
  await once(webSocket, 'open')
  const tls = connectTls({
    socket: inMessages(createWebSocketStream(webSocket)),
    ca: ca.cert,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  })
  const session = connectHttp2('https://localhost', {
    createConnection: () => tls,
    settings: { initialWindowSize: 2 * body.length },
  })
  await once(session, 'remoteSettings')
  session.setLocalWindowSize(2 * body.length)
  const request = session.request({ ':method': 'POST' })
  request.end(body)
  let received = 0
  for await (const chunk of request) received += (chunk as Buffer).length
  assert.equal(received, body.length)
  assert.ok(Math.max(...lengths) <= messageBytesMax)
  session.destroy()
})
