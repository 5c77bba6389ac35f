import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { duplexPair, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { commandProtocols } from '../../api/streams/channels.ts'
import { WebSocket } from 'ws'
import { channelOf, createPieceDecoder, encodePiece, exitPiece } from '../../api/streams/channels.ts'
import type { Status } from '../../api/status.ts'
import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { adminToken, openFixture, pod, type Fixture } from '../fixture.ts'
import { listenApi, type ApiListener } from '../listen.ts'
import type { NodeTunnels } from '../node-tunnels.ts'

/** What a node does with a stream; `failure` is what it answers instead. */
interface Node {
  readonly serve?: (stream: Duplex, path: string) => void
  readonly failure?: Status
}

const served = new Map<string, Node>()
const nodes: NodeTunnels = {
  accept() {},
  requestNode: () => Promise.reject(new Error('not asked here')),
  async openStream(name, { path, signal }) {
    const { failure, serve } = served.get(name) ?? {}
    const [stream, theirs] = duplexPair()
    theirs.on('error', () => {})
    signal?.addEventListener('abort', () => stream.destroy(), { once: true })
    stream.once('close', () => theirs.destroy())
    theirs.once('close', () => stream.destroy())
    if (failure) theirs.end(JSON.stringify(failure))
    else serve?.(theirs, path)
    return { status: failure?.code ?? 200, headers: {}, stream }
  },
  connected: () => [...served.keys()],
  async [Symbol.asyncDispose]() {},
}

let fixture: Fixture
let listener: ApiListener
before(async () => {
  fixture = await openFixture({ nodes })
  const http = { host: '127.0.0.1', port: 0 }
  listener = await listenApi({ server: fixture.server, clock: realClock, logger: silentLogger, http })
  await fixture.request('POST', pods, pod('nowhere'))
})
after(async () => {
  await listener[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

const pods = '/api/v1/namespaces/default/pods'
const exec = (name: string, query = 'command=sh&stdin=true&stdout=true&stderr=true') =>
  `${pods}/${name}/exec?${query}`

/** A pod on a node of its own. */
async function podOn(name: string, node: Node): Promise<void> {
  served.set(`node-of-${name}`, node)
  const { status } = await fixture.request('POST', pods, pod(name, { nodeName: `node-of-${name}` }))
  assert.equal(status, 201)
}

const authorization = `Bearer ${adminToken}`
const open = (path: string, protocols: readonly string[], headers: object = { authorization }): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${listener.httpPort}${path}`, [...protocols], { headers: { ...headers } })

/** A refusal in one line, as a client that asked for an upgrade sees it. */
async function refusalOf(socket: WebSocket): Promise<string> {
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  return await refusalIn(response)
}

async function refusalIn(response: IncomingMessage): Promise<string> {
  const { reason, message } = JSON.parse(await text(response)) as Status
  return `${response.statusCode} ${reason}: ${message}`
}

async function spdy(path: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  const call = request({
    host: '127.0.0.1',
    port: listener.httpPort,
    method: 'POST',
    path,
    headers: { authorization, connection: 'Upgrade', upgrade: 'SPDY/3.1', ...headers },
  })
  call.end()
  const [response] = (await Promise.race([once(call, 'response'), once(call, 'upgrade')])) as [
    IncomingMessage,
  ]
  return response
}

/** Everything the socket says, as `channel:text`, until it closes. */
async function conversation(socket: WebSocket): Promise<readonly string[]> {
  const lines: string[] = []
  socket.on('message', (message: Buffer) => lines.push(`${message[0]}:${message.subarray(1).toString()}`))
  const [code] = (await once(socket, 'close')) as [number]
  return [...lines, `closed ${code}`]
}

test('a command: its input, the end of that, its outputs and its exit code', async () => {
  const paths: string[] = []
  await podOn('echo', {
    serve(stream, path) {
      paths.push(path)
      const decoder = createPieceDecoder()
      const write = (channel: number, content: string) => {
        for (const part of encodePiece({ channel, bytes: Buffer.from(content) })) stream.write(part)
      }
      stream.on('data', (chunk: Buffer) => {
        for (const { channel, bytes } of decoder.push(chunk)) {
          if (channel === channelOf.stdin) write(channelOf.stdout, `got ${Buffer.from(bytes).toString()}`)
          if (channel === channelOf.resize) write(channelOf.stderr, 'resized')
          if (channel !== channelOf.close) continue
          for (const part of encodePiece(exitPiece(3))) stream.write(part)
          stream.end()
        }
      })
    },
  })
  const socket = open(exec('echo', 'command=a%20b&command=c&stdin=true&stdout=true&stderr=true'), [
    'v5.channel.k8s.io',
    'v4.channel.k8s.io',
  ])
  const all = conversation(socket)
  await once(socket, 'open')
  assert.equal(socket.protocol, 'v5.channel.k8s.io')
  socket.send(Buffer.from('\0hello'))
  socket.send(Buffer.from('\x04{"Width":1,"Height":2}'))
  socket.send(Buffer.alloc(0))
  socket.send(Buffer.from([255, 0]))
  assert.deepEqual(await all, [
    '1:got hello',
    '2:resized',
    `3:${Buffer.from(exitPiece(3).bytes).toString()}`,
    'closed 1000',
  ])
  assert.match(
    paths[0] ?? '',
    /^\/exec\/default\/echo\/main\?command=a\+b&command=c&stdin=true&stdout=true&stderr=true&uid=[-0-9a-f]{36}$/,
  )
})

test('a node that breaks off is told as such, not as success', async () => {
  await podOn('broken', {
    serve(stream) {
      for (const part of encodePiece({ channel: 1, bytes: Buffer.from('half') })) stream.write(part)
      setImmediate(() => stream.destroy())
    },
  })
  const [out, error, end] = await conversation(open(exec('broken'), ['v4.channel.k8s.io']))
  assert.equal(out, '1:half')
  assert.match(error ?? '', /^3:.*"reason":"ServiceUnavailable"/)
  assert.equal(end, 'closed 1000')
})

test('the node hears of a client that has gone', async () => {
  const gone = Promise.withResolvers<void>()
  await podOn('left', { serve: (stream) => void stream.resume().once('close', gone.resolve) })
  const socket = open(exec('left'), ['v5.channel.k8s.io'])
  await once(socket, 'open')
  socket.terminate()
  await gone.promise
})

const failure: Status = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  reason: 'BadRequest',
  message: 'container "main" in pod "ended" is not running',
  code: 400,
}

test('what stands in the way is an ordinary answer', async () => {
  await podOn('ended', { failure })
  const v5 = ['v5.channel.k8s.io']
  const rows: [WebSocket, string][] = [
    [open(exec('ended'), v5), '400 BadRequest: container "main" in pod "ended" is not running'],
    [open(exec('nobody'), v5), '404 NotFound: pods "nobody" not found'],
    [open(exec('nowhere'), v5), '400 BadRequest: pod nowhere does not have a host assigned'],
    [
      open(exec('ended', 'command=x'), v5),
      '400 BadRequest: you must specify at least 1 of stdin, stdout, stderr',
    ],
    [
      open(exec('ended', 'command=x&stdout=true&container=y'), v5),
      '400 BadRequest: container y is not valid for pod ended',
    ],
    [
      open(exec('ended'), ['v2.channel.k8s.io']),
      `400 BadRequest: the client offers the subprotocols [v2.channel.k8s.io]; this server speaks [${commandProtocols.join(' ')}]`,
    ],
    [
      open(`${pods}/ended/portforward`, ['v4.channel.k8s.io']),
      '400 BadRequest: query parameter "ports" is required: 1 to 100 port numbers',
    ],
    [open(exec('ended'), v5, {}), '401 Unauthorized: Unauthorized'],
    [open('/api/v1/nodes/x/status', []), '404 NotFound: the server could not find the requested resource'],
    [open('/metrics', []), '404 NotFound: the server could not find the requested resource'],
  ]
  for (const [socket, says] of rows) assert.equal(await refusalOf(socket), says)
})

test('SPDY needs a version of the streams that both know', async () => {
  await podOn('spdy', { serve: (stream) => void stream.resume() })
  assert.equal(
    await refusalIn(await spdy(exec('spdy'), {})),
    '400 BadRequest: unable to upgrade: X-Stream-Protocol-Version is missing',
  )
  assert.equal(
    await refusalIn(await spdy(exec('spdy'), { 'x-stream-protocol-version': 'v1, v2' })),
    '403 Forbidden: unable to upgrade: unable to negotiate protocol: client supports [v1 v2], server accepts [v4.channel.k8s.io]',
  )
  const { statusCode, headers, socket } = await spdy(exec('spdy'), {
    'x-stream-protocol-version': 'v5.channel.k8s.io, v4.channel.k8s.io',
  })
  assert.deepEqual([statusCode, headers['x-stream-protocol-version']], [101, 'v4.channel.k8s.io'])
  socket.destroy()
})

test('without an upgrade there is nothing to do', async () => {
  for (const subresource of ['exec', 'attach', 'portforward']) {
    const { body } = await fixture.request('POST', `${pods}/nowhere/${subresource}`)
    assert.equal((body as Status).message, 'Upgrade request required')
  }
  const { body } = await fixture.request(
    'PATCH',
    `${pods}/nowhere/ephemeralcontainers`,
    {},
    { 'content-type': 'application/merge-patch+json' },
  )
  assert.equal((body as Status).code, 405)
})

const tokenProtocol = `base64url.bearer.authorization.k8s.io.${Buffer.from(adminToken).toString('base64url')}`

test('a browser names its token among the subprotocols and never hears of it again', async () => {
  const watch = '/api/v1/namespaces/default/pods?watch=true'
  const socket = open(watch, [tokenProtocol, 'base64.binary.k8s.io'], {})
  const [message] = (await once(socket, 'message')) as [Buffer]
  assert.equal((JSON.parse(String(message)) as { readonly type: string }).type, 'ADDED')
  assert.equal(socket.protocol, 'base64.binary.k8s.io')
  socket.terminate()
  assert.equal(
    await refusalOf(open(watch, [tokenProtocol], {})),
    '400 BadRequest: missing additional subprotocol',
  )
  const wrong = tokenProtocol.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  assert.equal(
    await refusalOf(open(watch, [wrong, 'base64.binary.k8s.io'], {})),
    '401 Unauthorized: Unauthorized',
  )
})

test('ports of a pod on channels, as client-node asks for them', async () => {
  await podOn('ports', {
    serve(stream, path) {
      if (path.includes('port=81')) return void stream.destroy()
      stream.write(`from ${/port=(\d+)/.exec(path)?.[1]}: `)
      stream.pipe(stream)
    },
  })
  const socket = open(`${pods}/ports/portforward?ports=80&ports=443`, [
    'v5.channel.k8s.io',
    'v4.channel.k8s.io',
  ])
  const seen: string[] = []
  socket.on('message', (message: Buffer) =>
    seen.push(`${message[0]}:${message.subarray(1).toString('latin1')}`),
  )
  await once(socket, 'open')
  assert.equal(socket.protocol, 'v4.channel.k8s.io')
  socket.send(Buffer.from('\x02ping'))
  const wanted = ['0:P\0', '1:P\0', '2:\xbb\x01', '3:\xbb\x01', '0:from 80: ', '2:from 443: ', '2:ping']
  while (seen.length < wanted.length) await once(socket, 'message')
  assert.deepEqual(seen.toSorted(), wanted.toSorted())
  socket.terminate()
})
