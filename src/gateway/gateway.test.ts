import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { allTo, endpointAt, gatewayTo, openApp, RawClient } from './fixture.ts'

const reasonOf = (response: Response) => response.headers.get('x-sampan-reason')
const urlOf = (gateway: { address: { port: number } }, path = '/') =>
  `http://127.0.0.1:${gateway.address.port}${path}`

/** An app that speaks bytes. */
async function openBytes(onConnection: (socket: Socket) => void) {
  const server = createTcpServer({ allowHalfOpen: true }, onConnection)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a request reaches the app with what is known of its client, and the answer comes back', async () => {
  await using app = await openApp((request, response) => {
    response.setHeader('X-App', 'yes')
    response.end(JSON.stringify({ url: request.url, headers: request.headers }))
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const response = await fetch(urlOf(gateway, '/a?b=c'), { headers: { 'X-Forwarded-For': '6.6.6.6' } })
  const seen = (await response.json()) as { url: string; headers: Record<string, string> }
  assert.equal(response.headers.get('x-app'), 'yes')
  assert.equal(seen.url, '/a?b=c')
  assert.equal(seen.headers['host'], `127.0.0.1:${gateway.address.port}`)
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(seen.headers['x-forwarded-proto'], 'http')
  assert.equal(seen.headers['x-forwarded-host'], `127.0.0.1:${gateway.address.port}`)
})

test('routes by host and path, and 404 with a reason in the form that the client reads', async () => {
  await using one = await openApp((_, response) => response.end('one'))
  await using two = await openApp((_, response) => response.end('two'))
  await using gateway = await gatewayTo({
    routes: [
      { host: '', path: '/apps/1', pathType: 'Prefix', backend: 'one' },
      { host: '', path: '/apps/10', pathType: 'Prefix', backend: 'two' },
    ],
    backends: new Map([
      ['one', [endpointAt(one.port)]],
      ['two', [endpointAt(two.port)]],
    ]),
  })
  assert.equal(await (await fetch(urlOf(gateway, '/apps/1/x'))).text(), 'one')
  assert.equal(await (await fetch(urlOf(gateway, '/apps/10'))).text(), 'two')
  const missing = await fetch(urlOf(gateway, '/apps/100'))
  assert.equal(missing.status, 404)
  assert.equal(reasonOf(missing), 'route-not-found')
  assert.match(missing.headers.get('content-type') ?? '', /text\/plain/)
  const asJson = await fetch(urlOf(gateway, '/apps'), { headers: { accept: 'application/json' } })
  assert.equal(((await asJson.json()) as { reason: string }).reason, 'route-not-found')
})

test('no endpoints is 503, a refused connection 502, a backend that is not there 503', async () => {
  const gone = await openApp(() => {})
  await gone[Symbol.asyncDispose]()
  await using gateway = await gatewayTo(allTo(gone.port))
  const refused = await fetch(urlOf(gateway))
  assert.deepEqual([refused.status, reasonOf(refused)], [502, 'connect-refused'])
  gateway.update(allTo())
  const none = await fetch(urlOf(gateway))
  assert.deepEqual([none.status, reasonOf(none), none.headers.get('retry-after')], [503, 'no-endpoints', '1'])
})

const badResponses: [string, string, number, string][] = [
  ['closes at once', '', 502, 'upstream-reset'],
  ['closes in its head', 'HTTP/1.1 200 OK\r\nA: b', 502, 'upstream-reset'],
  ['speaks another protocol', 'SSH-2.0-OpenSSH_9.2p1\r\nxxxxxxxx', 502, 'bad-response:version'],
  [
    'smuggles',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    502,
    'bad-response:length-and-transfer-encoding',
  ],
  [
    'breaks its first chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n',
    502,
    'bad-response:chunk-size',
  ],
  [
    'switches unasked',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n',
    502,
    'bad-response:unasked-upgrade',
  ],
  [
    'never gets past 1xx',
    'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20),
    502,
    'bad-response:too-many-interim',
  ],
]
for (const [name, bytes, status, reason] of badResponses)
  test(`an app that ${name}: ${status} ${reason}`, async () => {
    await using app = await openBytes((socket) => socket.once('data', () => socket.end(bytes, 'latin1')))
    await using gateway = await gatewayTo(allTo(app.port))
    const client = new RawClient(gateway.address.port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const text = await client.closed()
    assert.ok(text.includes(`HTTP/1.1 ${status} `) && text.includes(`x-sampan-reason: ${reason}\r\n`), text)
  })

test('connections to the app are kept and used again, the client connection too', async () => {
  await using app = await openApp((_, response) => response.end('x'))
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  for (let n = 1; n <= 20; n++) {
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.split('\r\n\r\n').length === n + 1)
  }
  client.socket.destroy()
  const { requests, upstreamConnects } = gateway.stats()
  assert.deepEqual([requests, upstreamConnects], [20, 1])
})

test('pipelined requests are answered in order, one at a time', async () => {
  let inFlight = 0
  let inFlightMax = 0
  await using app = await openApp((request, response) => {
    inFlightMax = Math.max(inFlightMax, ++inFlight)
    setImmediate(() => {
      inFlight--
      response.end(`[${request.url}]`)
    })
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  const paths = Array.from({ length: 200 }, (_, n) => `/${n}`)
  client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  const text = await client.until((all) => all.includes('[/199]'))
  client.socket.destroy()
  assert.deepEqual(
    [...text.matchAll(/\[(.*?)\]/g)].map((match) => match[1]),
    paths,
  )
  assert.equal(inFlightMax, 1)
})

test('thousands of pipelined requests that fail are answered without growing the stack', async () => {
  await using gateway = await gatewayTo({ routes: [], backends: new Map() })
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5000))
  const text = await client.until((all) => all.split('route-not-found:').length > 5000)
  client.socket.destroy()
  assert.equal(text.split('HTTP/1.1 404').length - 1, 5000)
})

test('an answer may come before the request has ended; the connection then closes', async () => {
  await using app = await openApp((_, response) => {
    response.statusCode = 413
    response.end('too large')
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nabc')
  const text = await client.closed()
  assert.match(text, /^HTTP\/1\.1 413 /)
  assert.match(text, /\r\nConnection: close\r\n/)
  assert.match(text, /too large/)
})

test('Expect: 100-continue goes to the app and its 100 comes back before the body is sent', async () => {
  await using app = await openApp((request, response) => {
    request.on('data', (chunk: Buffer) => response.write(chunk))
    request.on('end', () => response.end())
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.send(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
  )
  await client.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  client.send('hello')
  assert.match(await client.closed(), /hello/)
})

test('an HTTP/1.0 client gets a plain body that ends with the connection', async () => {
  await using app = await openApp((_, response) => {
    response.write('a')
    response.end('b')
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.0\r\n\r\n')
  const text = await client.closed()
  assert.match(text, /\r\nConnection: close\r\n/)
  assert.ok(text.endsWith('\r\n\r\nab'), text)
})

test('HEAD, 204 and 304 have no body and keep the connection', async () => {
  await using app = await openApp((request, response) => {
    if (request.method === 'HEAD') response.setHeader('Content-Length', '5000')
    else response.statusCode = Number(request.url?.slice(1))
    response.end()
  })
  await using gateway = await gatewayTo(allTo(app.port))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const [method, path] of [
    ['HEAD', '/'],
    ['GET', '/204'],
    ['GET', '/304'],
    ['HEAD', '/'],
  ] as const) {
    const sent = httpRequest(urlOf(gateway, path), { method, agent }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
  }
  agent.destroy()
  assert.equal(gateway.stats().upstreamConnects, 1)
})

test('a client that has ended its side still gets its answer', async () => {
  await using app = await openApp((_, response) => setImmediate(() => response.end('late')))
  await using gateway = await gatewayTo(allTo(app.port))
  const client = new RawClient(gateway.address.port)
  client.socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await client.closed(), /late/)
})

test('time limits: a slow head 408, an app that does not answer 504, an idle client closed', async () => {
  await using app = await openApp(() => {})
  const clock = fakeClock()
  await using gateway = await gatewayTo(allTo(app.port), { clock })
  const slow = new RawClient(gateway.address.port)
  slow.send('GET / HTTP/1.1\r\nHo')
  const idle = new RawClient(gateway.address.port)
  const waiting = new RawClient(gateway.address.port)
  waiting.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(app.server, 'request')
  await clock.advance(11_000)
  const late = await slow.closed()
  assert.match(late, /^HTTP\/1\.1 408 /)
  assert.equal(await idle.closed(), '')
  assert.equal(waiting.isClosed, false)
  await clock.advance(50_000)
  assert.match(
    await waiting.until((text) => text.includes('\r\n\r\n')),
    /^HTTP\/1\.1 504 [^]*x-sampan-reason: response-timeout/,
  )
  waiting.socket.destroy()
})

test('a connection that is not accepted in time is 504', async () => {
  const clock = fakeClock()
  const { Duplex } = await import('node:stream')
  const never = () => Object.assign(new Duplex({ read() {}, write() {} }), { connecting: true })
  await using gateway = await gatewayTo(allTo(1), { clock, dial: never })
  const client = new RawClient(gateway.address.port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  while (gateway.stats().upstreamConnects === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(3_000)
  assert.match(await client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 504 [^]*connect-timeout/)
  client.socket.destroy()
})

test('over the bounds: 503 for a client too many, requests wait for a free connection, 503 when too many wait', async () => {
  const held: (() => void)[] = []
  await using app = await openApp((_, response) => held.push(() => response.end('x')))
  await using gateway = await gatewayTo(allTo(app.port), {
    limits: { clientConnectionsMax: 3, endpointConnectionsMax: 1, waitersMax: 1 },
  })
  const [first, second, third] = [1, 2, 3].map(() => new RawClient(gateway.address.port)) as [
    RawClient,
    RawClient,
    RawClient,
  ]
  first.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(app.server, 'request')
  second.send('GET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
  while (gateway.stats().requests < 2) await new Promise((resolve) => setImmediate(resolve))
  third.send('GET /3 HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await third.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503 [^]*overloaded/)
  const fourth = new RawClient(gateway.address.port)
  assert.match(await fourth.closed(), /^HTTP\/1\.1 503 [^]*Retry-After: 1/)
  held.shift()?.()
  await first.until((text) => text.endsWith('x'))
  await once(app.server, 'request')
  held.shift()?.()
  await second.until((text) => text.endsWith('x'))
  for (const client of [first, second, third]) client.socket.destroy()
})

test('dispose lets a request finish, then closes; idle clients close at once', async () => {
  let answer = () => {}
  await using app = await openApp((_, response) => (answer = () => response.end('done')))
  const gateway = await gatewayTo(allTo(app.port), { limits: { graceMs: 60_000 } })
  const idle = new RawClient(gateway.address.port)
  await once(idle.socket, 'connect')
  const busy = new RawClient(gateway.address.port)
  busy.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(app.server, 'request')
  const disposed = gateway[Symbol.asyncDispose]()
  assert.equal(await idle.closed(), '')
  answer()
  assert.match(await busy.closed(), /Connection: close[^]*done$/)
  await disposed
})
