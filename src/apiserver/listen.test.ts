import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { realClock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { bodyBytesMax } from './body.ts'
import { issueClientCertificate, openCa, openServerCertificate, type KeyPair } from './certificates.ts'
import { adminToken, configMap, openFixture, type Fixture } from './fixture.ts'
import { listenApi, type ApiListener } from './listen.ts'
import { textResponse } from './respond.ts'
import type { ApiServer } from './server.ts'
import { mastersGroup } from './stages/authenticate.ts'

const host = '127.0.0.1'
const path = '/api/v1/namespaces/default/configmaps'
const hosts = [host, 'localhost']
const clock = realClock

let directory: string
let certificates: { readonly ca: KeyPair; readonly server: KeyPair }
let fixture: Fixture
let listener: ApiListener

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sampan-listen-'))
  certificates = await openCertificates(join(directory, 'pki'))
  fixture = await openFixture()
  const { ca, server } = certificates
  const tls = { host, port: 0, ...server, ca: ca.cert }
  listener = await listenApi({
    server: fixture.server,
    clock,
    logger: silentLogger,
    http: { host, port: 0 },
    tls,
  })
})
after(async () => {
  await listener[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

async function openCertificates(pki: string, names = hosts) {
  const ca = await openCa(pki, clock)
  return { ca, server: await openServerCertificate({ directory: pki, ca, hosts: names, clock }) }
}

const bearer = { authorization: `Bearer ${adminToken}` }
const textOf = async (message: IncomingMessage) =>
  Buffer.concat(await Array.fromAsync(message)).toString('utf8')

function send(options: object, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const isTls = 'ca' in options
    const call = isTls ? httpsRequest : httpRequest
    const port = isTls ? listener.tlsPort : listener.httpPort
    const request = call({ host, port, path, ...options }, (message) => {
      textOf(message).then((text) => resolve({ status: message.statusCode ?? 0, text }), reject)
    })
    request.once('error', reject)
    request.end(body)
  })
}

test('the CA and the keys are made once, readable by their owner only', async () => {
  const pki = join(directory, 'pki')
  const again = await openCertificates(pki)
  assert.deepEqual(again, certificates)
  for (const name of await readdir(pki)) assert.equal((await stat(join(pki, name))).mode & 0o077, 0, name)
})

test('another host gets another server certificate of the same CA', async () => {
  const pki = join(directory, 'moved')
  const first = await openCertificates(pki)
  const second = await openCertificates(pki, [...hosts, 'api.example.com'])
  assert.equal(second.ca.cert, first.ca.cert)
  assert.notEqual(second.server.cert, first.server.cert)
})

test('a CA certificate without its key is refused with the way out', async () => {
  const pki = join(directory, 'half')
  await openCertificates(pki)
  await rm(join(pki, 'ca.key'))
  await assert.rejects(openCertificates(pki), /ca\.crt is there but its key is not; restore the key/)
})

test('over TLS a token or a client certificate of our CA says who somebody is', async () => {
  const ca = certificates.ca.cert
  assert.equal((await send({ ca })).status, 401)
  assert.equal((await send({ ca, headers: bearer })).status, 200)
  const organizations = [mastersGroup]
  const client = await issueClientCertificate({
    ca: certificates.ca,
    commonName: 'jane',
    organizations,
    clock,
  })
  assert.equal((await send({ ca, ...client })).status, 200)
})

test('a certificate of another CA is nobody', async () => {
  const other = await openCertificates(join(directory, 'other'))
  const forged = await issueClientCertificate({
    ca: other.ca,
    commonName: 'jane',
    organizations: [mastersGroup],
    clock,
  })
  assert.equal((await send({ ca: certificates.ca.cert, ...forged })).status, 401)
})

const review = {
  path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
  body: JSON.stringify({ kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' }),
  nameIn: (text: string): string => JSON.parse(text).status.userInfo.username,
}

test('a connection’s certificate is read once, and is nobody else’s, over HTTP/2 and HTTP/1.1', async (context) => {
  const ca = certificates.ca.cert
  const [jane, bo] = await Promise.all(
    ['jane', 'bo'].map((commonName) =>
      issueClientCertificate({ ca: certificates.ca, commonName, organizations: [mastersGroup], clock }),
    ),
  )
  const over2 = [jane, bo].map((pair) =>
    connectHttp2(`https://localhost:${listener.tlsPort}`, { ca, ...pair }),
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, ...jane })
  const [asJane2, asBo2] = over2.map((session) => async () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': review.path,
      'content-type': 'application/json',
    })
    stream.end(review.body)
    return review.nameIn(Buffer.concat(await Array.fromAsync(stream)).toString())
  })
  const asJane1 = async () => {
    const place = { host: 'localhost', port: listener.tlsPort, path: review.path, agent }
    const sent = httpsRequest({ ...place, method: 'POST', headers: { 'content-type': 'application/json' } })
    sent.end(review.body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return review.nameIn(await textOf(answer))
  }
  const round = async () => [await asJane2?.(), await asBo2?.(), await asJane1()]
  assert.deepEqual(await round(), ['jane', 'bo', 'jane'])
  const { mock } = context.mock.method(TLSSocket.prototype, 'getPeerCertificate')
  for (let i = 0; i < 3; i++) assert.deepEqual(await round(), ['jane', 'bo', 'jane'])
  assert.equal(mock.callCount(), 0)
  agent.destroy()
  for (const session of over2) session.destroy()
})

test('HTTP/2 is spoken over TLS, and a watch runs on it beside other requests', async () => {
  const session = connectHttp2(`https://localhost:${listener.tlsPort}`, { ca: certificates.ca.cert })
  const watch = session.request({ ':path': `${path}?watch=1`, ...bearer })
  const [status] = await new Promise<[unknown]>((resolve) =>
    watch.once('response', (head) => resolve([head[':status']])),
  )
  assert.equal(status, 200)
  const line = new Promise<string>((resolve) =>
    watch.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  )
  const post = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/json',
    ...bearer,
  })
  post.end(JSON.stringify(configMap('over-h2')))
  assert.equal(JSON.parse(Buffer.concat(await Array.fromAsync(post)).toString()).metadata.name, 'over-h2')
  assert.equal(JSON.parse(await line).object.metadata.name, 'over-h2')
  const closed = new Promise((resolve) => session.once('close', resolve))
  session.destroy()
  await closed
})

test('the head of a watch arrives before its first event', async () => {
  const controller = new AbortController()
  const options = {
    host,
    port: listener.httpPort,
    path: `${path}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dnobody`,
    headers: bearer,
    signal: controller.signal,
  }
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(options, (message) => {
      message.once('error', () => {})
      resolve(message.statusCode)
    })
    request.once('error', reject)
    request.end()
  })
  controller.abort()
  assert.equal(status, 200)
})

test('a chunked body above the limit is refused while it is still coming', async () => {
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(
      { host, port: listener.httpPort, method: 'POST', path, headers: bearer },
      (message) => {
        message.resume()
        resolve(message.statusCode)
      },
    )
    request.once('error', reject)
    request.write(Buffer.alloc(bodyBytesMax, 'x'))
    request.write('x')
  })
  assert.equal(answer, 413)
})

test('a head that is too long is refused', async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(listener.httpPort ?? 0, host)
    socket.once('error', reject)
    socket.once('data', (chunk) => resolve(chunk.toString()))
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`)
  })
  assert.match(text, /^HTTP\/1\.1 431 /)
})

test('HEAD has no body, and a request for an unknown upgrade is answered', async () => {
  const head = await send({ method: 'HEAD', path: '/version' })
  assert.deepEqual(head, { status: 200, text: '' })
  const upgrade = await send({
    path: '/nowhere',
    headers: { ...bearer, connection: 'Upgrade', upgrade: 'websocket' },
  })
  assert.equal(upgrade.status, 404)
})

test('headers that say whom to act as may be sent more than once, and have commas', async () => {
  const body = JSON.stringify({ kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' })
  const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const expected = {
    a: ['1', '2,3'],
    groups: ['cn=ops,dc=example', 'system:masters', 'system:authenticated'],
  }
  const named = (text: string) => {
    const { extra, groups } = JSON.parse(text).status.userInfo
    return { a: extra.a, groups }
  }
  const sent = httpRequest({
    host,
    port: listener.httpPort,
    method: 'POST',
    path: reviews,
    headers: {
      ...bearer,
      'content-type': 'application/json',
      'Impersonate-User': 'bo',
      'Impersonate-Group': ['cn=ops,dc=example', 'system:masters'],
      'Impersonate-Extra-A': ['1', '2,3'],
    },
  })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  assert.deepEqual(named(Buffer.concat(await Array.fromAsync(answer)).toString()), expected)

  const session = connectHttp2(`https://localhost:${listener.tlsPort}`, { ca: certificates.ca.cert })
  const stream = session.request({
    ...bearer,
    ':method': 'POST',
    ':path': reviews,
    'content-type': 'application/json',
    'impersonate-user': 'bo',
    'impersonate-group': ['cn=ops,dc=example', 'system:masters'],
    'impersonate-extra-a': ['1', '2,3'],
  })
  stream.end(body)
  assert.deepEqual(named(Buffer.concat(await Array.fromAsync(stream)).toString()), expected)
  session.close()
})

/** The fixture's server, and the signal that it is given with the first request. */
function spy(): { readonly spied: ApiServer; readonly signal: Promise<AbortSignal> } {
  const signal = Promise.withResolvers<AbortSignal>()
  const spied: ApiServer = {
    handle(request) {
      if (request.signal) signal.resolve(request.signal)
      return fixture.server.handle(request)
    },
    upgrade: (...args) => fixture.server.upgrade(...args),
    isIn: (certificate) => fixture.server.isIn(certificate),
    async [Symbol.asyncDispose]() {},
  }
  return { spied, signal: signal.promise }
}

test('a GET may have a body: an app behind `proxy` would wait for what is announced', async () => {
  const echo: ApiServer = {
    async handle({ body }) {
      const parts = body === undefined || body instanceof Uint8Array ? [] : await Array.fromAsync(body)
      return textResponse(200, Buffer.concat(parts).toString())
    },
    async upgrade() {},
    isIn: async () => true,
    async [Symbol.asyncDispose]() {},
  }
  await using other = await listenApi({ server: echo, clock, logger: silentLogger, http: { host, port: 0 } })
  const get = async (headers: object, body?: string) => {
    const sent = httpRequest({ host, port: other.httpPort, method: 'GET', headers: { ...headers } }).end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return await textOf(answer)
  }
  assert.equal(await get({ 'content-length': '5' }, 'hello'), 'hello')
  assert.equal(await get({ 'transfer-encoding': 'chunked' }, 'hello'), 'hello')
  assert.equal(await get({}), '')
})

test('a HEAD of something without an end leaves nothing behind', async () => {
  const { signal, spied } = spy()
  await using other = await listenApi({
    server: spied,
    clock: realClock,
    logger: silentLogger,
    http: { host, port: 0 },
  })
  const sent = httpRequest({
    host,
    port: other.httpPort,
    method: 'HEAD',
    path: `${path}?watch=1`,
    headers: bearer,
  })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  const gone = await signal
  if (!gone.aborted) await once(gone, 'abort')
})

test('a watcher that stops reading is cut off', async () => {
  const slowClock = fakeClock()
  const { signal, spied } = spy()
  await using slow = await listenApi({
    server: spied,
    clock: slowClock,
    logger: silentLogger,
    http: { host, port: 0 },
  })
  const socket = connect(slow.httpPort ?? 0, host).pause()
  socket.on('error', () => {})
  socket.write(`GET ${path}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer.authorization}\r\n\r\n`)
  const gone = await signal
  await fixture.request('POST', path, configMap('large'))
  // More than the buffers of a connection hold.
  for (let i = 0; i < 20; i++) {
    const large = configMap('large', { a: 'x'.repeat(900_000), i: String(i) })
    await fixture.request('PUT', `${path}/large`, large)
    // A watcher is told when the loop comes round; the memory store would never let it.
    await setImmediate()
  }
  assert.equal(slowClock.pending, 1)
  const aborted = new Promise((resolve) => gone.addEventListener('abort', resolve))
  await slowClock.advance(61_000)
  await aborted
  socket.destroy()
})

test('a list larger than every window goes through HTTP/2', async () => {
  for (let i = 0; i < 20; i++)
    await fixture.request('POST', path, configMap(`big${i}`, { a: 'x'.repeat(800_000) }))
  const session = connectHttp2(`https://localhost:${listener.tlsPort}`, { ca: certificates.ca.cert })
  const stream = session.request({ ':path': path, ...bearer })
  const text = Buffer.concat(await Array.fromAsync(stream)).toString()
  assert.ok(text.length > 16_000_000)
  assert.equal(JSON.parse(text).kind, 'ConfigMapList')
  session.close()
})

test('an upgrade that nobody offers is an ordinary request, or refused', async () => {
  const headers = { ...bearer, connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' }
  assert.equal((await send({ path: '/version', headers })).status, 200)
  const overTls = await send({
    ca: certificates.ca.cert,
    path: '/nowhere',
    headers: { ...bearer, connection: 'Upgrade', upgrade: 'websocket' },
  })
  assert.equal(overTls.status, 404)
})
