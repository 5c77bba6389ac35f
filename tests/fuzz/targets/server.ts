/** The whole API server: requests without a socket, and bytes on a socket. */
import { connect } from 'node:net'
import { adminToken, configMap, openFixture, pod, type Fixture } from '../../../src/apiserver/fixture.ts'
import { listenApi } from '../../../src/apiserver/listen.ts'
import { admin } from '../../../src/apiserver/fixture.ts'
import { isJsonObject, type JsonObject } from '../../../src/api/json.ts'
import { realClock, type Clock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { textOf, type FuzzRun, type FuzzTarget } from '../target.ts'

/** Waits a thousandth: a list that waits three seconds for a revision of the future would take most of a run's time. */
const hurry = 1_000
const hurriedClock: Clock = {
  now: () => realClock.now(),
  monotonicMs: () => realClock.monotonicMs() * hurry,
  sleep: (ms, signal) => realClock.sleep(ms / hurry, signal),
  after: (ms, fn) => realClock.after(ms / hurry, fn),
  every: (ms, fn, signal) => realClock.every(Math.max(1, ms / hurry), fn, signal),
}

/** What a server may say of itself at worst: nobody is there for a pod, or a revision has not happened yet. */
const codesAllowed = new Set([503, 504])
/** Objects pile up; a fresh server forgets them. */
const executionsPerServer = 2_000

const words = [
  '/api/v1/namespaces/default/',
  'configmaps',
  'pods',
  'services',
  'secrets',
  'namespaces',
  '/apis/apps/v1/',
  'deployments',
  '/apis/batch/v1/',
  'jobs',
  'cronjobs',
  'nodes',
  'events',
  '/status',
  '/scale',
  '/log',
  '/exec',
  '/proxy',
  '/eviction',
  '/binding',
  '/token',
  '/finalize',
  '?watch=1',
  '&limit=1',
  '&continue=',
  '&labelSelector=',
  '&fieldSelector=',
  'metadata.name%3D',
  '&resourceVersion=',
  '1',
  '&resourceVersionMatch=Exact',
  '&dryRun=All',
  '&fieldManager=a',
  '&fieldValidation=Strict',
  '&force=true',
  '&propagationPolicy=Foreground',
  '&gracePeriodSeconds=0',
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'content-type',
  'accept',
  'application/json',
  'application/yaml',
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'accept-encoding',
  'gzip',
  'if-none-match',
  'impersonate-user',
  'user-agent',
  'metadata',
  'name',
  'generateName',
  'finalizers',
  'ownerReferences',
  'managedFields',
  'resourceVersion',
  'uid',
  'labels',
  'annotations',
  'deletionTimestamp',
  'preconditions',
  'orphanDependents',
]

async function openHandle(): Promise<FuzzRun> {
  let problem: unknown
  const logger = { ...silentLogger, error: (_text: string, facts?: object) => (problem = facts) }
  let fixture: Fixture | undefined
  let count = 0
  return {
    async run(input) {
      if (fixture === undefined || count++ % executionsPerServer === 0) {
        await fixture?.[Symbol.asyncDispose]()
        fixture = await openFixture({ clock: hurriedClock, logger })
        await furnish(fixture)
      }
      const request = requestIn(input)
      const gone = new AbortController()
      const answer = await fixture.server.handle({ ...request, user: admin, signal: gone.signal })
      // What goes on without end is heard for a moment.
      const hangUp = setImmediate(() => gone.abort())
      let length = 0
      let begin = ''
      for await (const chunk of answer.body) {
        if (length === 0) begin = Buffer.from(chunk.subarray(0, 400)).toString('latin1')
        length += chunk.length
      }
      clearImmediate(hangUp)
      if (answer.status >= 500 && !codesAllowed.has(answer.status))
        throw new Error(`answered ${answer.status}`, { cause: problem })
      return `${request.method} ${answer.status} ${wordsOf(begin)}`
    },
    async [Symbol.asyncDispose]() {
      await fixture?.[Symbol.asyncDispose]()
    },
  }
}

/** How a refusal begins, without what it repeats of the request: requests refused for another reason are of another kind. */
const wordsOf = (body: string): string =>
  (/"message":"((?:[^"\\]|\\.)*)/.exec(body)?.[1] ?? '').replaceAll(/\\".*?\\"|\d+/g, '').slice(0, 60)

/** What the requests of the corpus are about: without it most would be answered 404. */
async function furnish({ request }: Fixture): Promise<void> {
  const namespace = '/api/v1/namespaces/default'
  const labels = { app: 'web' }
  const template = { metadata: { labels }, spec: pod('p').spec }
  await request('POST', `${namespace}/configmaps`, configMap('a', { a: '1' }, { labels: { x: 'y' } }))
  await request('POST', `${namespace}/pods`, pod('web-0'))
  await request('POST', `${namespace}/services`, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } })
  const spec = { selector: { matchLabels: labels }, template }
  await request('POST', '/apis/apps/v1/namespaces/default/deployments', { metadata: { name: 'web' }, spec })
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Made a request that an HTTP parser would let through: a server without a socket need not withstand more. */
function requestIn(input: Uint8Array): Asked {
  const value = requestValue(textOf(input))
  const { base64, body, headers, method, path } = value
  const texts = Object.entries(isJsonObject(headers) ? headers : {}).flatMap(([name, text]) =>
    /^[a-z-]+$/.test(name) && typeof text === 'string' && /^[\t -~]*$/.test(text)
      ? [[name, text] as const]
      : [],
  )
  const bytes =
    typeof base64 === 'string'
      ? Buffer.from(base64, 'base64')
      : body === undefined
        ? undefined
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return {
    method: typeof method === 'string' && /^[A-Z]+$/.test(method) ? method : 'PATCH',
    path:
      typeof path === 'string'
        ? path.replaceAll(/[^!-~]/g, (char) => encodeURIComponent(char.toWellFormed()))
        : maps,
    headers: Object.fromEntries(texts),
    ...(bytes && { body: bytes }),
  }
}

const maps = '/api/v1/namespaces/default/configmaps'

/** What is no JSON is somebody's body. */
function requestValue(text: string): JsonObject {
  const body = { method: 'POST', path: maps, body: text }
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : body
  } catch {
    return body
  }
}

const handle: FuzzTarget = {
  name: 'requests',
  format: 'json',
  bytesMax: 3_072,
  dictionary: words,
  open: openHandle,
}

/** Silence after which an answer is taken to be complete, or never to come. The server shares this thread: it may be busy. */
const [firstSilenceMs, silenceMs] = [100, 10]

async function openSockets(): Promise<FuzzRun> {
  const fixture = await openFixture({ clock: hurriedClock })
  const listener = await listenApi({
    server: fixture.server,
    clock: realClock,
    logger: silentLogger,
    http: { host: '127.0.0.1', port: 0 },
  })
  const port = listener.httpPort ?? 0
  return {
    async run(input) {
      const text = await exchange(port, Buffer.from(textOf(input).replaceAll('TOKEN', adminToken)))
      const heads = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => Number(code))
      const bad = heads.find((code) => code >= 500 && !codesAllowed.has(code))
      if (bad !== undefined) throw new Error(`answered ${bad}: ${text.slice(0, 500)}`)
      return heads.slice(0, 3).join()
    },
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    },
  }
}

function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    socket.setTimeout(firstSilenceMs, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      socket.setTimeout(silenceMs)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may cut a connection whenever it likes; that nobody listens any more is a crash.
      if (error.code === 'ECONNREFUSED') reject(error)
    })
    socket.on('close', () => resolve(text))
  })
}

const http: FuzzTarget = {
  name: 'http-bytes',
  format: 'bytes',
  bytesMax: 4_096,
  parallel: 200,
  dictionary: [
    ...words,
    '\r\n',
    '\r\n\r\n',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/2.0',
    'Host: a\r\n',
    'Connection: close\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
    'Upgrade: SPDY/3.1\r\n',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n',
    'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n',
    'Authorization: Bearer TOKEN\r\n',
    'Content-Length: ',
    'Transfer-Encoding: chunked\r\n',
    '0\r\n\r\n',
    'Expect: 100-continue\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\t',
    ':',
    ' ',
  ],
  open: openSockets,
}

export const serverTargets: readonly FuzzTarget[] = [handle, http]
