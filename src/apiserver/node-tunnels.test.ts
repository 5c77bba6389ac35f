import assert from 'node:assert/strict'
import { request } from 'node:http'
import { performServerHandshake } from 'node:http2'
import { duplexPair, type Duplex } from 'node:stream'
import { after, before, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { admin, adminToken, openFixture, pod, readAnswer, refusal, type Fixture } from './fixture.ts'
import { listenApi, type ApiListener } from './listen.ts'
import { openNodeTunnels, type NodeTunnels } from './node-tunnels.ts'

const pods = '/api/v1/namespaces/default/pods'
const merge = { 'content-type': 'application/merge-patch+json' }
const running = {
  status: {
    phase: 'Running',
    containerStatuses: [
      { name: 'main', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } },
    ],
  },
}

let nodes: NodeTunnels
let fixture: Fixture
let listener: ApiListener
before(async () => {
  nodes = openNodeTunnels({ clock: realClock, logger: silentLogger })
  fixture = await openFixture({ nodes })
  listener = await listenApi({
    server: fixture.server,
    clock: realClock,
    logger: silentLogger,
    http: { host: '127.0.0.1', port: 0 },
  })
})
after(async () => {
  await listener[Symbol.asyncDispose]()
  await nodes[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

type Answer = (path: string) => { readonly status: number; readonly body: AsyncIterable<string> }

/** An agent: dials, upgrades, and serves HTTP/2 on the socket it dialled. Resolves with the socket, or the refusal's status. */
function dial(node: string, answer: Answer, token = adminToken): Promise<Duplex | number> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'sampan-h2', authorization: `Bearer ${token}` }
    const path = `/sampan/v1/nodes/${node}/tunnel?channel=bulk`
    const call = request({ host: '127.0.0.1', port: listener.httpPort, path, headers })
    call.once('error', reject)
    call.once('response', (message) => resolve(message.statusCode ?? 0))
    call.once('upgrade', (_message, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      const session = performServerHandshake(socket)
      session.on('error', () => {})
      session.on('stream', (stream, fields) => {
        const { status, body } = answer(String(fields[':path']))
        stream.on('error', () => {})
        stream.respond({ ':status': status, 'content-type': 'text/plain' })
        void (async () => {
          for await (const text of body) stream.write(text)
          stream.end()
        })()
      })
      resolve(socket)
    })
    call.end()
  })
}

async function* of(...texts: string[]): AsyncGenerator<string> {
  yield* texts
}

async function runningPod(name: string, node: string, more: object = {}): Promise<void> {
  await fixture.request('POST', pods, pod(name, { nodeName: node, ...more }))
  const { status } = await fixture.request('PATCH', `${pods}/${name}/status`, running, merge)
  assert.equal(status, 200)
}

test("a pod's log comes from its node through the tunnel, with the options it was asked for", async () => {
  const asked: string[] = []
  const socket = await dial('n1', (path) => (asked.push(path), { status: 200, body: of('one\n', 'two\n') }))
  await runningPod('talks', 'n1')
  const answer = await fixture.request('GET', `${pods}/talks/log?tailLines=2&timestamps=true`)
  assert.deepEqual(
    [answer.status, answer.headers['content-type'], answer.text],
    [200, 'text/plain', 'one\ntwo\n'],
  )
  assert.match(
    asked[0] ?? '',
    /^\/containerLogs\/default\/talks\/main\?uid=[-0-9a-f]{36}&tailLines=2&timestamps=true$/,
  )
  assert.deepEqual(nodes.connected(), ['n1'])
  assert.ok(typeof socket === 'object')
  socket.destroy()
})

test('a followed log ends with its client, also at the node', async () => {
  const ended = Promise.withResolvers<void>()
  async function* endless(): AsyncGenerator<string> {
    yield 'first\n'
    await ended.promise
  }
  const socket = await dial('n2', () => ({ status: 200, body: endless() }))
  await runningPod('follows', 'n2')
  const controller = new AbortController()
  const response = await fixture.server.handle({
    method: 'GET',
    path: `${pods}/follows/log?follow=true`,
    headers: {},
    user: admin,
    signal: controller.signal,
  })
  const body = response.body[Symbol.asyncIterator]()
  assert.equal(Buffer.from((await body.next()).value ?? []).toString(), 'first\n')
  controller.abort()
  await assert.doesNotReject(Promise.resolve(body.next()).catch(() => ({ done: true })))
  ended.resolve()
  assert.ok(typeof socket === 'object')
  socket.destroy()
})

test('an error of the node is passed on as the Status it is', async () => {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'no such container',
    reason: 'NotFound',
    code: 404,
  }
  const socket = await dial('n3', () => ({ status: 404, body: of(JSON.stringify(status)) }))
  await runningPod('lost', 'n3')
  assert.equal(refusal(await fixture.request('GET', `${pods}/lost/log`)), '404 NotFound: no such container')
  assert.ok(typeof socket === 'object')
  socket.destroy()
})

test('a newer connection takes the place of the older', async () => {
  const old = await dial('n4', () => ({ status: 200, body: of('old') }))
  assert.ok(typeof old === 'object')
  const closed = new Promise((resolve) => old.once('close', resolve))
  const young = await dial('n4', () => ({ status: 200, body: of('new') }))
  await closed
  await runningPod('moved', 'n4')
  assert.equal((await fixture.request('GET', `${pods}/moved/log`)).text, 'new')
  assert.ok(typeof young === 'object')
  young.destroy()
})

test('without a connection the answer says what is missing', async () => {
  await runningPod('alone', 'far-away')
  assert.equal(
    refusal(await fixture.request('GET', `${pods}/alone/log`)),
    '503 ServiceUnavailable: node "far-away" can\'t be reached: it has no open connection to this server; see whether its agent runs',
  )
})

test('only the node itself may open its tunnel', async () => {
  assert.equal(await dial('n5', () => ({ status: 200, body: of() }), 'guess'), 401)
  const path = '/sampan/v1/nodes/n5/tunnel'
  const answer = await readAnswer(
    await fixture.server.handle({
      method: 'GET',
      path,
      headers: {},
      user: { name: 'system:node:n6', groups: ['system:nodes'] },
    }),
  )
  assert.equal(answer.status, 404)
})

const two = {
  containers: [
    { name: 'a', image: 'npm:a@1' },
    { name: 'b', image: 'npm:b@1' },
  ],
}
const rows = [
  {
    name: 'no container named among two',
    spec: two,
    query: '',
    says: '400 BadRequest: a container name must be specified for pod POD, choose one of: [a b]',
  },
  {
    name: 'an unknown container',
    spec: two,
    query: '?container=c',
    says: '400 BadRequest: container c is not valid for pod POD',
  },
  {
    name: 'a container that has not started',
    spec: {},
    query: '',
    says: '400 BadRequest: container "main" in pod "POD" is waiting to start: ContainerCreating',
  },
  {
    name: 'a previous run that never was',
    spec: {},
    query: '?previous=true',
    says: '400 BadRequest: previous terminated container "main" in pod "POD" not found',
  },
  {
    name: 'a negative tail',
    spec: {},
    query: '?tailLines=-1',
    says: '422 Invalid: PodLogOptions "POD" is invalid: tailLines: Invalid value: "-1": must be greater than or equal to 0',
  },
]
for (const [i, { name, spec, query, says }] of rows.entries())
  test(`a log of ${name} is refused`, async () => {
    await fixture.request('POST', pods, pod(`r${i}`, { nodeName: 'n1', ...spec }))
    assert.equal(
      refusal(await fixture.request('GET', `${pods}/r${i}/log${query}`)),
      says.replaceAll('POD', `r${i}`),
    )
  })

test('a pod without a node has an empty log', async () => {
  await fixture.request('POST', pods, pod('pending'))
  const { status, text } = await fixture.request('GET', `${pods}/pending/log`)
  assert.deepEqual([status, text], [200, ''])
})

test('a node that does not answer pings is given up', async () => {
  const clock = fakeClock()
  await using own = openNodeTunnels({ clock, logger: silentLogger })
  const [ours, theirs] = duplexPair()
  theirs.resume()
  own.accept('mute', 'control', ours, new Uint8Array())
  while (own.connected().length === 0) await new Promise(setImmediate)
  const closed = new Promise((resolve) => ours.once('close', resolve))
  await clock.advance(5_000)
  assert.deepEqual(own.connected(), ['mute'])
  await clock.advance(5_000)
  await closed
  await clock.advance(0)
  assert.deepEqual(own.connected(), [])
})
