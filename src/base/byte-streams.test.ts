import assert from 'node:assert/strict'
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { pipeBoth, writeAll } from './byte-streams.ts'

test('the end of one direction leaves the other open', async () => {
  const [near, one] = duplexPair({ allowHalfOpen: true })
  const [other, far] = duplexPair({ allowHalfOpen: true })
  const joined = pipeBoth(one, other)
  near.end('question')
  assert.equal(await text(far), 'question')
  far.end('answer')
  assert.equal(await text(near), 'answer')
  await joined
})

test('a connection that breaks takes the other along', async () => {
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const dialled = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [near, one] = duplexPair()
  near.on('error', () => {})
  const joined = pipeBoth(one, dialled)
  ;(await accepted.promise).resetAndDestroy()
  await joined
  assert.ok(one.destroyed)
  server.close()
})

test('writing waits for room, and notices that nobody reads any more', async () => {
  const waiting: (() => void)[] = []
  const slow = new Duplex({
    writableHighWaterMark: 4,
    read() {},
    write: (_chunk, _encoding, done) => waiting.push(done),
  })
  let isDone = false
  const writing = writeAll(slow, [new Uint8Array(10)]).then((more) => {
    isDone = true
    return more
  })
  await Promise.resolve()
  assert.equal(isDone, false)
  waiting.shift()?.()
  assert.equal(await writing, true)
  const again = writeAll(slow, [new Uint8Array(10)])
  slow.destroy()
  assert.equal(await again, false)
  assert.equal(await writeAll(slow, [new Uint8Array(1)]), false)
})

test('an HTTP/2 stream that is given up looks like a broken connection, not like an end', async () => {
  const server = createHttp2Server()
  const served = new Promise<ServerHttp2Stream>((resolve) => server.once('stream', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const call = session.request({ ':method': 'POST', ':path': '/' })
  call.on('error', () => {})
  call.write('some')
  const stream = await served
  stream.respond({ ':status': 200 })
  const [one, far] = duplexPair({ allowHalfOpen: true })
  far.on('error', () => {})
  let hasEnded = false
  far.once('end', () => (hasEnded = true)).resume()
  const joined = pipeBoth(stream, one)
  await new Promise((resolve) => far.once('data', resolve))
  call.destroy()
  await joined
  assert.ok(one.destroyed)
  assert.equal(hasEnded, false)
  session.destroy()
  server.close()
})
