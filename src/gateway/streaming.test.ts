import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { allTo, gatewayTo, openApp, plainDial, RawClient } from './fixture.ts'

const urlOf = (gateway: { address: { port: number } }, path = '/') =>
  `http://127.0.0.1:${gateway.address.port}${path}`
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const turn = () => new Promise((resolve) => setImmediate(resolve))

const uploads = [
  ['length', undefined],
  ['chunked', undefined],
  ['length', plainDial],
  ['chunked', plainDial],
] as const
for (const [framing, dial] of uploads)
  test(`20 MiB go up and come back unchanged (${framing}${dial ? ', a plain stream' : ''})`, async () => {
    await using app = await openApp((request, response) => {
      const length = request.headers['content-length']
      if (length !== undefined) response.setHeader('Content-Length', length)
      request.pipe(response)
    })
    await using gateway = await gatewayTo(allTo(app.port), dial ? { dial } : {})
    const bytes = randomBytes(20 * 1024 * 1024)
    const body = framing === 'length' ? bytes : new Blob([bytes]).stream()
    const response = await fetch(urlOf(gateway), { method: 'POST', body, duplex: 'half' } as RequestInit)
    assert.equal(sha(await response.bytes()), sha(bytes))
  })

test('a response waits for a client that does not read', async () => {
  const total = 64 * 1024 * 1024
  let written = 0
  await using app = await openApp((_, response) => {
    response.setHeader('Content-Length', String(total))
    const block = Buffer.alloc(64 * 1024)
    const pump = () => {
      while (written < total) {
        written += block.length
        if (!response.write(block)) return void response.once('drain', pump)
      }
      response.end()
    }
    pump()
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const socket = connect(gateway.address.port, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  // The pump stands still once every buffer between is full: no progress over many turns of the loop.
  let before = -1
  let still = 0
  while (still < 200) {
    still = written > 0 && written === before ? still + 1 : 0
    before = written
    await turn()
  }
  assert.ok(written < total / 2, `the app could write ${written} bytes that nobody read`)
  let received = 0
  socket.on('data', (chunk: Buffer) => (received += chunk.length))
  socket.resume()
  await once(socket, 'end')
  assert.ok(received > total)
  socket.destroy()
})

test('a request waits for an app that does not read', async () => {
  const sockets: Socket[] = []
  const app = createServer((socket) => {
    socket.pause()
    sockets.push(socket)
  }).listen(0, '127.0.0.1')
  await once(app, 'listening')
  {
    await using gateway = await gatewayTo(allTo((app.address() as AddressInfo).port))
    const client = connect(gateway.address.port, '127.0.0.1')
    const total = 64 * 1024 * 1024
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`)
    const block = Buffer.alloc(64 * 1024)
    while (client.write(block) || client.bytesWritten - client.writableLength < 64 * 1024) await turn()
    let still = 0
    let before = -1
    while (still < 200) {
      still = client.writableLength === before ? still + 1 : 0
      before = client.writableLength
      if (!client.writableNeedDrain) client.write(block)
      await turn()
    }
    assert.ok(client.bytesWritten < total / 2)
    client.destroy()
  }
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => app.close(resolve))
})

test('each event of an event stream arrives before the next one is sent', async () => {
  let send = (_event: string) => {}
  await using app = await openApp((_, response) => {
    response.setHeader('Content-Type', 'text/event-stream')
    response.flushHeaders()
    send = (event) => response.write(`data: ${event}\n\n`)
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n')
  await client.until((text) => text.includes('\r\n\r\n'))
  for (let n = 0; n < 20; n++) {
    send(`event ${n}`)
    await client.until((text) => text.includes(`data: event ${n}\n\n`))
  }
  client.socket.destroy()
})

test('a client that goes away ends its request at the app', async () => {
  await using app = await openApp((_, response) => response.write('x'))
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  const requested = once(app.server, 'request')
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [, response] = (await requested) as [unknown, ServerResponse]
  await client.until((text) => text.includes('\r\n\r\n'))
  client.socket.resetAndDestroy()
  await once(response, 'close')
})

const cutRows: [string, string, string | undefined][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', undefined],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf', undefined],
  // Only a reset tells this client that there should have been more.
  ['the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhalf', 'ECONNRESET'],
]
for (const [name, bytes, error] of cutRows)
  test(`an app that dies within a body ended by ${name} never looks complete`, async () => {
    const sockets: Socket[] = []
    const app = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.once('data', () => socket.write(bytes))
    }).listen(0, '127.0.0.1')
    await once(app, 'listening')
    {
      await using gateway = await gatewayTo(allTo((app.address() as AddressInfo).port))
      const client = new RawClient(gateway.address.port)
      client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await client.until((text) => text.endsWith('half'))
      sockets[0]?.resetAndDestroy()
      assert.match(await client.closed(), /half$/)
      assert.equal(client.error?.code, error)
      assert.equal(gateway.stats().failures['upstream-reset'], 1)
    }
    await new Promise((resolve) => app.close(resolve))
  })

async function openEcho() {
  const app = await openApp((_, response) => response.end('plain'))
  const sockets = new WebSocketServer({ server: app.server })
  sockets.on('connection', (socket, request) => {
    socket.send(`hello ${String(request.headers['x-forwarded-for'])}`)
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  })
  return app
}

for (const dial of [undefined, plainDial])
  test(`a WebSocket echoes 8 MiB, outlives the removal of its endpoint and closes with its code (${dial ? 'plain stream' : 'socket'})`, async () => {
    await using app = await openEcho()
    await using gateway = await gatewayTo(allTo(app.port), dial ? { dial } : {})
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.address.port}/ws`)
    const next = async () => ((await once(socket, 'message')) as [Buffer])[0]
    assert.equal((await next()).toString(), 'hello 127.0.0.1')
    assert.equal(gateway.stats().tunnels, 1)
    gateway.update({ routes: [], backends: new Map() })
    const bytes = randomBytes(8 * 1024 * 1024)
    socket.send(bytes)
    assert.equal(sha(await next()), sha(bytes))
    socket.close(4001, 'enough')
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(code, 4001)
    while (gateway.stats().tunnels > 0) await turn()
  })

test('an upgrade that the app does not want is an ordinary answer', async () => {
  await using app = await openApp((_, response) => response.end('plain'))
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.until((text) => text.endsWith('plain'))
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.equal((await client.closed()).split('plain').length, 3)
})

test('a tunnel may end one side and go on with the other', async () => {
  const app = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: bytes\r\n\r\n')
      let all = ''
      socket.on('data', (chunk: Buffer) => (all += chunk.toString()))
      socket.on('end', () => socket.end(`got ${all}`))
    })
  }).listen(0, '127.0.0.1')
  await once(app, 'listening')
  {
    await using gateway = await gatewayTo(allTo((app.address() as AddressInfo).port))
    const client = new RawClient(gateway.address.port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: bytes\r\n\r\n')
    await client.until((text) => text.includes('101'))
    client.socket.end('hello')
    assert.match(await client.closed(), /got hello$/)
  }
  await new Promise((resolve) => app.close(resolve))
})
