import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once, type EventEmitter } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { allowedKeysConfigMap, listedNodesGroup } from '../api/allowed-keys.ts'
import { realClock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { issueClientCertificate, openCa, openServerCertificate, type KeyPair } from './certificates.ts'
import { openFixture } from './fixture.ts'
import { listenApi } from './listen.ts'
import { mastersGroup } from './stages/authenticate.ts'

const host = '127.0.0.1'
const path = '/api/v1/namespaces/default/configmaps'
const { name, namespace } = allowedKeysConfigMap
const list = `/api/v1/namespaces/${namespace}/configmaps`

/** A server, and machines with certificates that its list of keys keeps in. */
async function openServer() {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'sampan-listed-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const ca = await openCa(directory, realClock)
  const own = await openServerCertificate({ directory, ca, hosts: [host], clock: realClock })
  const fixture = stack.use(await openFixture())
  const clock = fakeClock()
  const listener = stack.use(
    await listenApi({
      server: fixture.server,
      clock,
      logger: silentLogger,
      tls: { host, port: 0, ...own, ca: ca.cert },
    }),
  )
  const owned = stack.move()
  return {
    clock,
    ca: ca.cert,
    port: listener.tlsPort ?? 0,
    fixture,
    /** Masters, so that nothing but the list stands in their way. */
    async machine(nodeName: string, ...organizations: readonly string[]): Promise<KeyPair> {
      const commonName = `system:node:${nodeName}`
      const groups = [mastersGroup, ...organizations]
      return await issueClientCertificate({ ca, commonName, organizations: groups, clock: realClock })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const keyOf = ({ cert }: KeyPair): string =>
  new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

/** Also by an error. */
const closed = (one: EventEmitter): Promise<void> =>
  new Promise((resolve) => one.once('close', () => resolve()))

test('a machine that is off the list is told so on a new connection before that is cut', async () => {
  await using server = await openServer()
  const listed = await server.machine('n1', listedNodesGroup)
  await server.clock.advance(1_000)
  const session = connectHttp2(`https://${host}:${server.port}`, {
    ca: server.ca,
    ...listed,
    checkServerIdentity: () => undefined,
  })
  session.on('error', () => {}) // cut off: 'close' follows
  let isCut = false
  const cut = closed(session).then(() => (isCut = true))
  await once(session, 'remoteSettings')
  await server.clock.advance(1_000)
  assert.match(await text(session.request({ ':path': path })), /has been taken off the list of allowed keys/)
  // A look may still be under way.
  while (!isCut) await Promise.race([cut, server.clock.advance(2_000)])
})

test('a machine is in as long as its key is on the list; what it has begun ends with that', async () => {
  await using server = await openServer()
  const { ca, clock, fixture, port } = server
  const [listed, other, unlisted] = await Promise.all([
    server.machine('n1', listedNodesGroup),
    server.machine('n2', listedNodesGroup),
    server.machine('n3'),
  ])
  const get = async (machine: KeyPair) => {
    const [answer] = (await once(
      request({ host, port, path, ca, ...machine, agent: false }).end(),
      'response',
    )) as [IncomingMessage]
    return { status: answer.statusCode, body: await text(answer) }
  }
  const watch = async (machine: KeyPair) => {
    const query = request({ host, port, path: `${path}?watch=1`, ca, ...machine, agent: false }).end()
    const [answer] = (await once(query, 'response')) as [IncomingMessage]
    assert.equal(answer.statusCode, 200)
    answer.on('error', () => {}) // cut off: 'close' follows
    answer.resume()
    return answer
  }
  assert.match((await get(listed)).body, /has been taken off the list of allowed keys/)
  assert.equal((await get(unlisted)).status, 200)

  const keys = (...lines: readonly string[]) => ({
    metadata: { name, namespace },
    data: { keys: lines.join('\n') },
  })
  const both = [`${keyOf(listed)} n1`, keyOf(other)]
  assert.equal((await fixture.request('POST', list, keys(...both))).status, 201)
  for (const machine of [listed, other]) assert.equal((await get(machine)).status, 200)
  const [first, second, third] = await Promise.all([listed, other, unlisted].map(watch))
  assert.ok(first && second && third)
  const session = connectHttp2(`https://${host}:${port}`, {
    ca,
    ...listed,
    checkServerIdentity: () => undefined,
  })
  session.on('error', () => {}) // cut off: 'close' follows
  const stream = session.request({ ':path': `${path}?watch=1` })
  stream.on('error', () => {})
  await once(stream, 'response')
  await clock.advance(2_000)
  assert.ok(!first.destroyed && !stream.destroyed)

  let isOver = false
  const ended = Promise.all([first, session].map(closed)).then(() => (isOver = true))
  assert.equal((await fixture.request('PUT', `${list}/${name}`, keys(...both.slice(1)))).status, 200)
  assert.equal((await get(listed)).status, 401)
  // A look that began before the change may still be under way.
  while (!isOver) await Promise.race([ended, clock.advance(2_000)])
  assert.ok(!second.destroyed && !third.destroyed)
  assert.equal((await get(other)).status, 200)

  // A key with a name is good for that name only.
  assert.equal((await fixture.request('PUT', `${list}/${name}`, keys(`${keyOf(listed)} n9`))).status, 200)
  assert.equal((await get(listed)).status, 401)
  for (const answer of [second, third]) answer.destroy()
})
