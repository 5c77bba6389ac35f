/**
 * Clients that each send one request after another over a connection of their own. They know as much of HTTP as the
 * server's answers need: Node's own client takes more of the processor than the server that it asks.
 */
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { realClock } from '../../src/base/clock.ts'
import { answerQuestions } from './child.ts'
import { podOf } from './pod.ts'

export interface LoadWish {
  readonly port: number
  readonly isTls: boolean
  readonly kind: 'configmaps' | 'pods'
  /** `watch`: creates, timed until a watcher hears of them. */
  readonly verb: 'create' | 'update' | 'get' | 'list' | 'watch'
  readonly clients: number
  readonly operations: number
  /** New objects are called `NAME-0` and so on; the others are read and changed. */
  readonly name: string
}

export interface LoadResult {
  readonly elapsedMs: number
  readonly latenciesMs: readonly number[]
  /** Answers that were neither 200 nor 201. */
  readonly refused: number
}

const headEnd = Buffer.from('\r\n\r\n')
const sharedHead = 'Host: localhost\r\nAuthorization: Bearer bench\r\nUser-Agent: bench/1\r\n'

interface Connection {
  /** Resolves with the answer's status when the whole answer has come. */
  send(request: Buffer): Promise<number>
  close(): void
}

async function open({ isTls, port }: Pick<LoadWish, 'isTls' | 'port'>): Promise<Connection> {
  const socket = await openSocket({ isTls, port })
  let asked = Promise.withResolvers<number>()
  let head: Buffer = Buffer.alloc(0)
  let missing = -1
  let status = 0
  socket.on('data', (bytes: Buffer) => {
    if (missing >= 0) missing -= bytes.length
    else {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
      const end = head.indexOf(headEnd)
      if (end < 0) return
      const text = head.toString('latin1', 0, end)
      status = Number(text.slice(9, 12))
      const length = /^content-length: (\d+)/im.exec(text)?.[1]
      if (length === undefined) return socket.destroy(new Error(`no length: ${text}`))
      missing = Number(length) - (head.length - end - headEnd.length)
    }
    if (missing > 0) return
    missing = -1
    head = Buffer.alloc(0)
    asked.resolve(status)
  })
  socket.on('error', (error) => asked.reject(error))
  socket.on('close', () => asked.reject(new Error('the server closed the connection')))
  return {
    send(request) {
      asked = Promise.withResolvers()
      socket.write(request)
      return asked.promise
    },
    close: () => socket.removeAllListeners('close').destroy(),
  }
}

function openSocket({ isTls, port }: Pick<LoadWish, 'isTls' | 'port'>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, noDelay: true }
    const socket: Socket = isTls
      ? // What is measured is the server's work, not whom the client trusts.
        connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () =>
          resolve(socket),
        )
      : connectPlain(where, () => resolve(socket))
    socket.once('error', reject)
  })
}

const path = (kind: LoadWish['kind']) => `/api/v1/namespaces/default/${kind}`

const configMapOf = (name: string, note: string) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, labels: { app: 'bench', tier: 'web' } },
  data: { note, text: 'x'.repeat(120), address: 'http://service.default.svc:8080/path' },
})

function requestOf({ kind, name, verb }: LoadWish, n: number): Buffer {
  const object = `${name}-${n}`
  const send = (method: string, target: string, body: unknown) => {
    const bytes = JSON.stringify(body)
    return Buffer.from(
      `${method} ${target} HTTP/1.1\r\n${sharedHead}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(bytes)}\r\n\r\n${bytes}`,
    )
  }
  const read = (target: string) => Buffer.from(`GET ${target} HTTP/1.1\r\n${sharedHead}\r\n`)
  const body = (note: string) => {
    if (kind === 'configmaps') return configMapOf(object, note)
    const pod = podOf(object)
    return { ...pod, metadata: { ...pod.metadata, annotations: { note } } }
  }
  switch (verb) {
    case 'create':
    case 'watch':
      return send('POST', path(kind), body('new'))
    case 'update':
      return send('PUT', `${path(kind)}/${object}`, body(`changed at ${realClock.monotonicMs()}`))
    case 'get':
      return read(`${path(kind)}/${object}`)
    case 'list':
      return read(`${path(kind)}?limit=100`)
    default:
      return verb satisfies never
  }
}

interface Watcher extends Disposable {
  /** When the watcher heard of the object; waits for it. */
  heardMs(name: string): Promise<number>
}

async function watch(wish: LoadWish): Promise<Watcher> {
  const socket = await openSocket(wish)
  const waiting = new Map<string, (ms: number) => void>()
  const heard = new Map<string, number>()
  let rest = ''
  const opened = Promise.withResolvers<void>()
  socket.on('error', opened.reject)
  socket.on('data', (bytes: Buffer) => {
    opened.resolve()
    const nowMs = realClock.monotonicMs()
    const lines = (rest + bytes.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const name = /"metadata":\{[^{}]*?"name":"([^"]+)"/.exec(line)?.[1]
      if (name === undefined) continue
      heard.set(name, nowMs)
      waiting.get(name)?.(nowMs)
    }
  })
  socket.write(`GET ${path(wish.kind)}?watch=1 HTTP/1.1\r\n${sharedHead}\r\n`)
  await opened.promise
  return {
    heardMs: (name) => {
      const at = heard.get(name)
      return at === undefined ? new Promise((resolve) => waiting.set(name, resolve)) : Promise.resolve(at)
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

answerQuestions({
  async run(wish: LoadWish): Promise<LoadResult> {
    using watcher = wish.verb === 'watch' ? await watch(wish) : undefined
    const connections = await Promise.all(Array.from({ length: wish.clients }, () => open(wish)))
    const latenciesMs: number[] = []
    let refused = 0
    let next = 0
    const client = async (connection: Connection) => {
      while (next < wish.operations) {
        const n = next++
        const request = requestOf(wish, n)
        const startMs = realClock.monotonicMs()
        const status = await connection.send(request)
        if (status !== 200 && status !== 201) refused++
        const endMs = watcher ? await watcher.heardMs(`${wish.name}-${n}`) : realClock.monotonicMs()
        latenciesMs.push(endMs - startMs)
      }
    }
    const startMs = realClock.monotonicMs()
    await Promise.all(connections.map(client))
    const elapsedMs = realClock.monotonicMs() - startMs
    for (const connection of connections) connection.close()
    return { elapsedMs, latenciesMs, refused }
  },
})
