import assert from 'node:assert/strict'
import { duplexPair, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createHeaderWriter, type Headers } from '../../api/streams/spdy-headers.ts'
import {
  createSpdyDecoder,
  dataHead,
  pingFrame,
  resetFrame,
  synStreamFrame,
  type SpdyFrame,
} from '../../api/streams/spdy31.ts'
import { openSpdySession } from './spdy-session.ts'

/** A client as small as it gets, and the streams that the server was given. */
function openPair(accepts: (headers: Headers) => boolean = () => true) {
  const [client, socket] = duplexPair()
  const streams = new Map<string, Duplex>()
  const errors: unknown[] = []
  const session = openSpdySession({
    socket,
    onError: (error) => errors.push(error),
    onStream(headers, stream) {
      if (!accepts(headers)) return false
      streams.set(headers['streamtype'] ?? '', stream)
      return true
    },
  })
  const seen: SpdyFrame[] = []
  const decoder = createSpdyDecoder()
  client.on('data', (chunk: Buffer) => seen.push(...decoder.push(Buffer.from(chunk))))
  client.on('error', () => {})
  const write = createHeaderWriter()
  const until = async (check: () => boolean) => {
    for (let round = 0; !check(); round++) {
      assert.ok(round < 10_000, 'the condition did not come true')
      await new Promise(setImmediate)
    }
  }
  return {
    client,
    session,
    streams,
    errors,
    seen,
    until,
    open: (id: number, headers: Headers) => client.write(synStreamFrame(id, write(headers))),
    data(id: number, content: string, fin = false) {
      client.write(dataHead(id, content.length, fin))
      client.write(content)
    },
    async stream(type: string): Promise<Duplex> {
      await until(() => streams.has(type))
      const stream = streams.get(type)
      assert.ok(stream)
      return stream
    },
    dataOf: (id: number) =>
      seen
        .flatMap((frame) =>
          frame.type === 'data' && frame.stream === id ? [Buffer.from(frame.bytes).toString()] : [],
        )
        .join(''),
    isEnded: (id: number) => seen.some((frame) => frame.type === 'data' && frame.stream === id && frame.fin),
    isReset: (id: number) => seen.some((frame) => frame.type === 'reset' && frame.stream === id),
  }
}

test('streams carry bytes both ways and end one way at a time', async () => {
  const pair = openPair()
  pair.open(1, { streamtype: 'data' })
  const stream = await pair.stream('data')
  pair.data(1, 'question', true)
  assert.equal(await text(stream), 'question')
  stream.end('answer')
  await pair.until(() => pair.isEnded(1))
  assert.equal(pair.dataOf(1), 'answer')
  assert.ok(!pair.isReset(1))
  assert.equal(pair.seen.filter((frame) => frame.type === 'syn-reply').length, 1)
})

test('pings are answered, and a stream that is not wanted is reset', async () => {
  const pair = openPair(({ streamtype }) => streamtype === 'data')
  pair.client.write(pingFrame(7))
  pair.open(1, { streamtype: 'odd' })
  pair.open(3, { streamtype: 'data' })
  await pair.stream('data')
  await pair.until(() => pair.isReset(1))
  assert.ok(pair.seen.some((frame) => frame.type === 'ping' && frame.id === 7))
})

test("a reset from one side is the other's broken stream", async () => {
  const pair = openPair()
  pair.open(1, { streamtype: 'a' })
  pair.open(3, { streamtype: 'b' })
  const [a, b] = [await pair.stream('a'), await pair.stream('b')]
  pair.client.write(resetFrame(1, 5))
  await pair.until(() => a.destroyed)
  b.destroy()
  await pair.until(() => pair.isReset(3))
  assert.ok(!pair.isReset(1))
})

test('a reader that does not read stops the client at last, and loses nothing', async () => {
  const pair = openPair()
  pair.open(1, { streamtype: 'slow' })
  const slow = await pair.stream('slow')
  const piece = 'x'.repeat(64 * 1024)
  for (let i = 0; i < 64; i++) pair.data(1, piece, i === 63)
  await pair.until(() => pair.client.writableNeedDrain)
  for (let i = 0; i < 100; i++) await new Promise(setImmediate)
  assert.ok(pair.client.writableNeedDrain)
  assert.equal((await text(slow)).length, 64 * piece.length)
})

test('a client that asks and does not read the answers is cut off', { timeout: 60_000 }, async () => {
  const flood: Record<string, (client: Duplex, ids: Iterable<number>) => void> = {
    'are pinged': (client, ids) => {
      for (const id of ids) client.write(pingFrame(id))
    },
    'are opened and refused': (client, ids) => {
      const write = createHeaderWriter()
      for (const id of ids) client.write(synStreamFrame(2 * id + 1, write({ streamtype: 'odd' })))
    },
  }
  for (const [what, send] of Object.entries(flood)) {
    const pair = openPair(() => false)
    pair.client.pause()
    send(pair.client, Array(20_000).keys())
    await pair.session.closed
    assert.match(String(pair.errors[0]), /does not read/, what)
  }
})

test('what is no SPDY ends the connection, and so do stream numbers that go back', async () => {
  const garbage = openPair()
  garbage.client.write(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]))
  await garbage.session.closed
  assert.match(String(garbage.errors[0]), /speaks SPDY\/2/)
  const back = openPair()
  back.open(3, { streamtype: 'a' })
  const stream = await back.stream('a')
  back.open(1, { streamtype: 'b' })
  await back.session.closed
  assert.ok(stream.destroyed)
  assert.match(String(back.errors[0]), /stream 1 is opened after 3/)
})

test('streams end with their connection', async () => {
  const pair = openPair()
  pair.open(1, { streamtype: 'a' })
  const stream = await pair.stream('a')
  pair.client.end()
  await pair.until(() => stream.destroyed)
})
