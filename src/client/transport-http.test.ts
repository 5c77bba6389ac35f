import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { TransportError } from './client.ts'
import { httpTransport } from './transport-http.ts'

async function open(answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>) {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const transport = httpTransport({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: 't',
  })
  return {
    server,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const read = async (body: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(body)).toString()

test('a request goes out with its body and token, and the answer comes back in chunks', async () => {
  await using it = await open(async (request, response) => {
    const text = await read(request)
    response.writeHead(201, { 'x-kind': 'test' })
    response.end(`${request.method} ${request.url} ${request.headers.authorization} ${text}`)
  })
  const body = new TextEncoder().encode('Grüße')
  const answer = await it.transport.send({ method: 'POST', path: '/a?b=c', headers: {}, body })
  assert.deepEqual([answer.status, answer.headers['x-kind']], [201, 'test'])
  assert.equal(await read(answer.body), 'POST /a?b=c Bearer t Grüße')
})

test('no server: a TransportError that names the request', async () => {
  const transport = httpTransport({ server: 'http://127.0.0.1:1' })
  const refused = transport.send({ method: 'GET', path: '/version', headers: {} })
  await assert.rejects(
    refused,
    (e) =>
      e instanceof TransportError && /GET \/version got no answer from http:\/\/127.0.0.1:1/.test(e.message),
  )
  await transport[Symbol.asyncDispose]()
})

test('an answer that is cut off in the middle is a TransportError, not an end', async () => {
  await using it = await open((request, response) => {
    response.write('half')
    setImmediate(() => request.socket.destroy())
  })
  const answer = await it.transport.send({ method: 'GET', path: '/', headers: {} })
  await assert.rejects(read(answer.body), TransportError)
})

test('aborting ends a request before and within its answer, with the reason given', async () => {
  await using it = await open((request, response) => {
    if (request.url === '/watch') response.write('first')
  })
  for (const path of ['/silent', '/watch']) {
    const stop = new AbortController()
    const sent = it.transport.send({ method: 'GET', path, headers: {}, signal: stop.signal })
    const ended = assert.rejects(
      sent.then(({ body }) => read(body)),
      /enough/,
    )
    await once(it.server, 'request')
    stop.abort(new Error('enough'))
    await ended
  }
})

test('a kept connection that the server has closed in the meantime is not the reader’s problem', async () => {
  let requests = 0
  await using it = await open((request, response) => {
    requests++
    // The second request of a connection finds it closed: the race of an idle timeout, every time.
    if (request.headers['x-turn'] === '2' && requests === 2) request.socket.destroy()
    else response.end('ok')
  })
  const send = async (method: string, turn: string) => {
    const answer = await it.transport.send({ method, path: '/', headers: { 'x-turn': turn } })
    return read(answer.body)
  }
  assert.equal(await send('GET', '1'), 'ok')
  assert.equal(await send('GET', '2'), 'ok')
  assert.equal(requests, 3)
  requests = 1
  await assert.rejects(send('POST', '2'), TransportError, 'a write is never sent twice')
})
