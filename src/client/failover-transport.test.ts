import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { TransportError } from './client.ts'
import { failoverTransport } from './failover-transport.ts'
import { httpTransport } from './transport-http.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function serve(answer: Answer) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}
const named =
  (name: string): Answer =>
  (_request, response) =>
    void response.end(name)

function open(servers: readonly string[]) {
  const clock = fakeClock()
  const connect = (server: string) => httpTransport({ server })
  return { clock, transport: failoverTransport({ servers, connect, clock, logger: silentLogger }) }
}
const read = async (body: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(body)).toString()
const get = { method: 'GET', path: '/x', headers: {} }
const post = { method: 'POST', path: '/x', headers: {}, body: new TextEncoder().encode('{}') }

test('where nobody listens the next server is asked, reads and writes alike, and stays', async () => {
  await using good = await serve(named('good'))
  const gone = await serve(named('gone'))
  await gone[Symbol.asyncDispose]()
  const { transport } = open([gone.url, good.url])
  await using _owned = transport
  assert.equal(await read((await transport.send(post)).body), 'good')
  assert.equal(transport.server, good.url)
  assert.equal(await read((await transport.send(get)).body), 'good')
})

test('a write whose connection broke is not sent twice; the next request goes elsewhere', async () => {
  await using good = await serve(named('good'))
  await using cutting = await serve((request) => request.socket.destroy())
  const { transport } = open([cutting.url, good.url])
  await using _owned = transport
  await assert.rejects(
    transport.send(post),
    (error) => error instanceof TransportError && error.mayHaveArrived,
  )
  assert.deepEqual([cutting.seen, good.seen], [['POST /x'], []])
  assert.equal(await read((await transport.send(post)).body), 'good')
})

test('a server that hangs is left, and what waited for it breaks off', async () => {
  await using good = await serve(named('good'))
  await using hanging = await serve((request, response) => {
    if (request.url === '/watch') response.write('first')
  })
  const { clock, transport } = open([hanging.url, good.url])
  await using _owned = transport
  const watch = await transport.send({ ...get, path: '/watch' })
  const chunks = watch.body[Symbol.asyncIterator]()
  await chunks.next()
  const broken = assert.rejects(Promise.resolve(chunks.next()), TransportError)
  const read1 = transport.send(get) // hangs there, is asked again elsewhere
  while (transport.server !== good.url) {
    await clock.advance(500)
    await new Promise(setImmediate)
  }
  await broken
  assert.equal(await read((await read1).body), 'good')
})

test('a server that says it is not ready is left for one that is, and kept where none is', async () => {
  let isReady = false
  const lame: Answer = (_request, response) => void response.writeHead(503).end()
  await using first = await serve(lame)
  await using second = await serve((request, response) =>
    (isReady ? named('ready') : lame)(request, response),
  )
  const { clock, transport } = open([first.url, second.url])
  await using _owned = transport
  while (!second.seen.includes('GET /readyz')) {
    await clock.advance(500)
    await new Promise(setImmediate)
  }
  assert.equal(transport.server, first.url)
  isReady = true
  while (transport.server !== second.url) {
    await clock.advance(500)
    await new Promise(setImmediate)
  }
})

test('new servers are told, and nothing happens without another', async () => {
  await using good = await serve(named('good'))
  const gone = await serve(named('gone'))
  await gone[Symbol.asyncDispose]()
  const { transport } = open([gone.url])
  await using _owned = transport
  await assert.rejects(transport.send(get), TransportError)
  transport.setServers([gone.url, good.url])
  assert.equal(await read((await transport.send(get)).body), 'good')
  transport.setServers([])
  assert.equal(transport.servers.length, 2)
})
