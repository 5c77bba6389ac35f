import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { LateStream } from './late-stream.ts'

/** Two ends of a real connection. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  return [near, far]
}

test('what is written before the connection is there arrives, in order, with its end', async () => {
  const late = new LateStream()
  assert.equal(late.connecting, true)
  late.write('one ')
  late.write('two ')
  late.end('three')
  const [near, far] = await pair()
  const connected = once(late, 'connect')
  late.attach(near, Buffer.from('early '))
  await connected
  assert.equal(late.connecting, false)
  assert.equal(Buffer.concat(await Array.fromAsync(far)).toString(), 'one two three')
  far.end('answer')
  assert.equal(Buffer.concat(await Array.fromAsync(late)).toString(), 'early answer')
})

test('a writer waits for a slow reader, and nothing is lost', async () => {
  const late = new LateStream()
  const [near, far] = await pair()
  late.attach(near)
  const total = 16 * 1024 * 1024
  let received = 0
  let holdUps = 0
  far.on('data', (chunk: Buffer) => (received += chunk.length)).pause()
  for (let sent = 0; sent < total; sent += 65_536) {
    if (late.write(Buffer.alloc(65_536, 7))) continue
    if (holdUps++ === 0) far.resume()
    await once(late, 'drain')
  }
  const ended = once(far, 'end')
  late.end()
  await ended
  assert.equal(received, total)
  assert.ok(holdUps > 0)
  late.destroy()
  far.destroy()
})

test('a connection that breaks off is an error, not an end', async () => {
  const late = new LateStream()
  const [near, far] = await pair()
  late.attach(near)
  late.resume()
  const broken = once(late, 'error')
  far.resetAndDestroy()
  const [error] = await broken
  assert.ok(error instanceof Error)
})

test('destroyed before it is there, the connection goes at once', async () => {
  const late = new LateStream()
  late.destroy()
  const [near, far] = await pair()
  far.on('error', () => {}) // a reset is as good as an end
  const closed = once(far, 'close')
  far.resume()
  late.attach(near)
  far.end()
  await closed
})

test('who closes in order while much is written to it is heard, and nobody waits for it', async () => {
  const late = new LateStream()
  const stream = new Duplex({ allowHalfOpen: true, read() {}, write() {} })
  late.attach(stream)
  const written = [1, 2].map(() => new Promise((resolve) => late.write(Buffer.alloc(64 * 1024), resolve)))
  stream.push('too much')
  stream.push(null)
  stream.once('end', () => stream.destroy())
  await Promise.all(written)
  let text = ''
  for await (const chunk of late) text += String(chunk)
  assert.equal(text, 'too much')
})
