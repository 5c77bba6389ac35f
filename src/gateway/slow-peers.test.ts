import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { allTo, gatewayTo, openApp, RawClient } from './fixture.ts'

/** Peers that are slow, stop to listen or go away in the middle. */

for (const framing of ['Content-Length: 8000000', 'Transfer-Encoding: chunked'])
  test(`an app that refuses an upload early and closes is heard (${framing})`, async () => {
    await using app = createServer((socket) => {
      socket.on('error', () => {})
      // Most of the upload is unread: the kernel sends a reset right behind the answer.
      socket.once('readable', () => {
        socket.write('HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge')
        socket.destroy()
      })
    }).listen(0, '127.0.0.1')
    await once(app, 'listening')
    await using gateway = await gatewayTo(allTo((app.address() as AddressInfo).port))
    const block = Buffer.alloc(64 * 1024, 'x')
    const piece = framing.startsWith('T')
      ? Buffer.concat([Buffer.from('10000\r\n'), block, Buffer.from('\r\n')])
      : block
    for (let n = 0; n < 5; n++) {
      const client = new RawClient(gateway.address.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
      for (let sent = 0; sent < 40; sent++) client.send(piece)
      assert.match(await client.until((text) => text.endsWith('large')), /^HTTP\/1.1 413 /)
      client.socket.destroy()
    }
    assert.equal(gateway.stats().failures['upstream-reset'], undefined)
  })

test('an upload that ends in the middle while its connection is made is given up at once', async () => {
  const app = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
  await once(app, 'listening')
  await using gateway = await gatewayTo(allTo((app.address() as AddressInfo).port))
  const client = new RawClient(gateway.address.port)
  client.socket.end('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  assert.equal(await client.closed(), '')
  app.close()
})

/** An app that gives bytes until it is asked for no more, or up to `total`. */
function openSource(total: number) {
  let given = 0
  const give = () => {
    if (source.isPaused() || source.destroyed) return
    if (given >= total) return void source.push(null)
    given += 8192
    source.push(Buffer.alloc(8192, 'x'))
    setImmediate(give)
  }
  const source = new Duplex({
    read() {},
    write(_request, _encoding, callback) {
      this.push('HTTP/1.1 200 OK\r\n\r\n')
      setImmediate(give)
      callback()
    },
  })
  source.on('resume', () => setImmediate(give))
  return { source, given: () => given }
}

test('the end of an answer waits for a client that does not read: it is not cut off', async () => {
  // How much fits between: the sockets' buffers, and those of the gateway up to where it asks for no more.
  const endless = openSource(Infinity)
  const paused = once(endless.source, 'pause')
  const clock = fakeClock()
  let dialled = endless.source
  await using gateway = await gatewayTo(allTo(1), { clock, dial: () => dialled })
  const open = () => {
    const socket = connect(gateway.address.port, '127.0.0.1').pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    return socket
  }
  const first = open()
  await paused
  first.destroy()
  // A little less: the answer ends without a pause, and its last bytes have no room in the kernel.
  for (const less of [16, 32, 48]) {
    const { source, given } = openSource(endless.given() - less * 1024)
    dialled = source
    const ended = Promise.race([once(source, 'close'), once(source, 'pause')])
    const client = open()
    await ended
    await clock.advance(5_000)
    let received = 0
    client.on('data', (chunk: Buffer) => (received += chunk.length)).resume()
    await once(client, 'end')
    client.destroy()
    assert.ok(received > given(), `${received} of ${given()} bytes, and no error`)
  }
})

test('a gateway that closes in the middle of an answer waits for its end, and no longer', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<ServerResponse>()
  await using app = await openApp((_, response) => {
    response.writeHead(200, { 'Content-Length': '8' })
    response.write('half')
    begin(response)
  })
  // No time passes: nothing is cut off.
  const gateway = await gatewayTo(allTo(app.port), { clock: fakeClock(), limits: { graceMs: 1_000 } })
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.until((text) => text.endsWith('half'))
  const closed = gateway[Symbol.asyncDispose]()
  ;(await begun).end('full')
  assert.match(await client.closed(), /\r\n\r\nhalffull$/)
  await closed
})
