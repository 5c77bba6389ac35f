import assert from 'node:assert/strict'
import { connect, performServerHandshake } from 'node:http2'
import { duplexPair, type Duplex } from 'node:stream'
import { test } from 'node:test'
import { realClock } from './clock.ts'
import { EagerReader } from './eager-reader.ts'

const mebibyte = 1024 * 1024
const size = 3 * mebibyte
const settings = { initialWindowSize: 4 * mebibyte }

/** What both ends of an HTTP/2 connection have got when both have sent all they may, or nothing has come for `patienceMs`. */
async function bothWays(near: Duplex, far: Duplex, patienceMs: number): Promise<readonly number[]> {
  const server = performServerHandshake(near, { settings })
  const client = connect('http://node', { createConnection: () => far, settings })
  client.once('connect', () => client.setLocalWindowSize(8 * mebibyte))
  server.setLocalWindowSize(8 * mebibyte)
  const got: [number, number] = [0, 0]
  const done = Promise.withResolvers<void>()
  const onError = () => {} // the end of a connection that is stuck
  for (const session of [server, client]) session.on('error', onError)
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.on('data', (chunk: Buffer) => (got[0] += chunk.length)).on('error', onError)
    stream.end(Buffer.alloc(size))
  })
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.on('data', (chunk: Buffer) => (got[1] += chunk.length)).on('error', onError)
  stream.once('close', () => done.resolve())
  stream.end(Buffer.alloc(size))
  const late = new AbortController()
  const waiting = realClock.sleep(patienceMs, late.signal).catch(() => {}) // it was in time
  await Promise.race([done.promise, waiting])
  late.abort()
  server.destroy()
  client.destroy()
  return got
}

// The pair holds nothing: a write ends when the other side reads, as in a network whose buffers are full.
test('with windows wider than what the network holds, Node.js waits for itself', async () => {
  assert.notDeepEqual(await bothWays(...duplexPair(), 300), [size, size])
})

test('one end that reads eagerly is enough, whichever', async () => {
  const [a, b] = duplexPair()
  assert.deepEqual(await bothWays(new EagerReader(a), b, 30_000), [size, size])
  const [c, d] = duplexPair()
  assert.deepEqual(await bothWays(c, new EagerReader(d), 30_000), [size, size])
})
