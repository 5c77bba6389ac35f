import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { deployments } from '../api/resources/deployments.ts'
import { nodes } from '../api/resources/nodes.ts'
import type { ConfigMap, Node } from '../api/schema/types.gen.ts'
import { expired, isConflict, isExpired, notFound, StatusError } from '../api/status.ts'
import { TransportError } from './client.ts'
import { restClient } from './rest-client.ts'
import type { Transport, TransportRequest } from './transport.ts'

interface Reply {
  readonly status?: number
  readonly chunks: readonly (Uint8Array | string)[]
}

/** Answers every request with one reply, and remembers what was asked. */
function open(reply: Reply) {
  const requests: TransportRequest[] = []
  let isLeft = false
  const encoder = new TextEncoder()
  const transport: Transport = {
    async send(request) {
      requests.push(request)
      const body = (async function* () {
        try {
          for (const chunk of reply.chunks) yield typeof chunk === 'string' ? encoder.encode(chunk) : chunk
        } finally {
          isLeft = true
        }
      })()
      return { status: reply.status ?? 200, headers: {}, body }
    },
    async [Symbol.asyncDispose]() {},
  }
  return { client: restClient(transport, 'tests'), requests, isLeft: () => isLeft }
}

const bodyOf = ({ body }: TransportRequest): unknown => body && JSON.parse(new TextDecoder().decode(body))
const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a b', namespace: 'team' } }

const calls: readonly {
  readonly name: string
  readonly call: (client: ReturnType<typeof restClient>) => Promise<unknown>
  readonly asks: string
  readonly sends?: unknown
  readonly type?: string
}[] = [
  {
    name: 'get',
    call: (c) => c.resource(configMaps).get('a', { namespace: 'team' }),
    asks: 'GET /api/v1/namespaces/team/configmaps/a',
  },
  { name: 'get in the cluster', call: (c) => c.resource(nodes).get('n'), asks: 'GET /api/v1/nodes/n' },
  {
    name: 'get of another group',
    call: (c) => c.resource(deployments).get('d', { namespace: 'team' }),
    asks: 'GET /apis/apps/v1/namespaces/team/deployments/d',
  },
  { name: 'list everywhere', call: (c) => c.resource(configMaps).list(), asks: 'GET /api/v1/configmaps' },
  {
    name: 'list a page',
    call: (c) =>
      c
        .resource(configMaps)
        .list({ namespace: 'team', limit: 2, continue: 'x=&', labelSelector: 'a in (b)' }),
    asks: 'GET /api/v1/namespaces/team/configmaps?labelSelector=a%20in%20(b)&limit=2&continue=x%3D%26',
  },
  {
    name: 'create in the namespace of the object',
    call: (c) => c.resource<ConfigMap>(configMaps).create(map),
    asks: 'POST /api/v1/namespaces/team/configmaps',
    sends: map,
    type: 'application/json',
  },
  {
    name: 'update',
    call: (c) => c.resource<ConfigMap>(configMaps).update(map),
    asks: 'PUT /api/v1/namespaces/team/configmaps/a%20b',
    sends: map,
    type: 'application/json',
  },
  {
    name: 'update of the status',
    call: (c) =>
      c
        .resource<Node>(nodes)
        .updateStatus({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} }),
    asks: 'PUT /api/v1/nodes/n/status',
    sends: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} },
    type: 'application/json',
  },
  {
    name: 'merge patch',
    call: (c) => c.resource(nodes).patch('n', 'merge', { spec: {} }),
    asks: 'PATCH /api/v1/nodes/n',
    sends: { spec: {} },
    type: 'application/merge-patch+json',
  },
  {
    name: 'strategic patch of a subresource',
    call: (c) => c.resource(nodes).patch('n', 'strategic', {}, { subresource: 'status' }),
    asks: 'PATCH /api/v1/nodes/n/status',
    sends: {},
    type: 'application/strategic-merge-patch+json',
  },
  {
    name: 'delete with preconditions',
    call: (c) =>
      c.resource(configMaps).delete('a', {
        namespace: 'team',
        uid: 'u',
        resourceVersion: '7',
        gracePeriodSeconds: 0,
        propagationPolicy: 'Orphan',
      }),
    asks: 'DELETE /api/v1/namespaces/team/configmaps/a',
    sends: {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      gracePeriodSeconds: 0,
      propagationPolicy: 'Orphan',
      preconditions: { uid: 'u', resourceVersion: '7' },
    },
    type: 'application/json',
  },
]
for (const { name, call, asks, sends, type } of calls) {
  test(`asks: ${name}`, async () => {
    const { client, requests } = open({ chunks: ['{}'] })
    await call(client)
    const [request] = requests
    assert.ok(request)
    assert.equal(`${request.method} ${request.path}`, asks)
    assert.deepEqual(bodyOf(request), sends)
    assert.equal(request.headers['content-type'], type)
    assert.equal(request.headers['user-agent'], 'tests')
  })
}

const errors: readonly {
  readonly name: string
  readonly reply: Reply
  readonly is: (error: unknown) => boolean
}[] = [
  {
    name: 'a Status is thrown as it is',
    reply: {
      status: 404,
      chunks: [JSON.stringify(notFound({ group: '', resource: 'configmaps' }, 'a').status)],
    },
    is: (e) =>
      e instanceof StatusError && e.message === 'configmaps "a" not found' && e.status.details?.name === 'a',
  },
  {
    name: 'a proxy’s page is no answer of the server',
    reply: { status: 502, chunks: ['<h1>Bad Gateway</h1>'] },
    is: (e) =>
      e instanceof TransportError && /GET \/api\/v1\/nodes\/n was answered with 502: <h1>Bad/.test(e.message),
  },
  {
    name: 'JSON that is no Status neither',
    reply: { status: 500, chunks: ['{"error":true}'] },
    is: (e) => e instanceof TransportError,
  },
  {
    name: 'nonsense with status 200',
    reply: { chunks: ['{"kind":'] },
    is: (e) => e instanceof TransportError && /is no JSON/.test(e.message),
  },
]
for (const { name, reply, is } of errors) {
  test(`throws: ${name}`, async () => {
    const { client } = open(reply)
    await assert.rejects(client.resource(nodes).get('n'), is)
  })
}

const follow = async (reply: Reply) => {
  const { client } = open(reply)
  return Array.fromAsync(client.resource(configMaps).watch({ signal: new AbortController().signal }))
}

test('a watch asks for bookmarks, and for initial events only where told to', async () => {
  const { client, requests } = open({ chunks: [] })
  const { signal } = new AbortController()
  await Array.fromAsync(
    client.resource(nodes).watch({ resourceVersion: '7', fieldSelector: 'metadata.name=n', signal }),
  )
  await Array.fromAsync(client.resource(nodes).watch({ sendInitialEvents: true, signal }))
  assert.deepEqual(
    requests.map(({ path }) => path),
    [
      '/api/v1/nodes?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dn&resourceVersion=7',
      '/api/v1/nodes?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    ],
  )
})

test('events come whole, wherever the bytes are cut, also within a character', () => {
  const texts = ['plain', 'Grüße', '船 sampan', '🚣', '', 'a\\n']
  const events = texts.map((name, i) => ({
    type: 'ADDED',
    object: { metadata: { name, resourceVersion: `${i}` } },
  }))
  const bytes = new TextEncoder().encode(events.map((one) => `${JSON.stringify(one)}\n`).join(''))
  return fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: bytes.length }), { maxLength: 60 }),
      async (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        assert.deepEqual(await follow({ chunks }), events)
      },
    ),
    { numRuns: 60 },
  )
})

test('an event that was cut off is none', async () => {
  const whole = '{"type":"ADDED","object":{"metadata":{}}}\n'
  assert.equal((await follow({ chunks: [whole, '\n', whole.slice(0, 20)] })).length, 1)
})

test('an ERROR event is thrown as the server’s Status', async () => {
  await assert.rejects(
    follow({ chunks: [`${JSON.stringify({ type: 'ERROR', object: expired().status })}\n`] }),
    isExpired,
  )
})

test('a refused watch is thrown', async () => {
  const status = { ...notFound({ group: '', resource: 'x' }, '').status, reason: 'Conflict', code: 409 }
  await assert.rejects(follow({ status: 409, chunks: [JSON.stringify(status)] }), isConflict)
})

test('a line without end is a broken server, and is not kept', async () => {
  const chunk = 'x'.repeat(1024 * 1024)
  await assert.rejects(follow({ chunks: Array.from({ length: 9 }, () => chunk) }), /a watch event exceeds/)
})

test('leaving a watch leaves the answer’s body', async () => {
  const { client, isLeft } = open({ chunks: ['{"type":"ADDED","object":{"metadata":{}}}\n', '{}\n'] })
  for await (const _ of client.resource(nodes).watch({ signal: new AbortController().signal })) break
  assert.equal(isLeft(), true)
})
