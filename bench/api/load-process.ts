/**
 * Clients that each send one request after another over a connection of their own. They know as much of HTTP as the
 * server's answers need, and requests are made before the clock starts: Node's own client takes more of the processor than the
 * server that it asks.
 */
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { realClock } from '../../src/base/clock.ts'
import { answerQuestions, cpuSeconds } from './child.ts'
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
  /** Processor seconds of the clients themselves. */
  readonly cpu: number
}

const headEnd = Buffer.from('\r\n\r\n')
const sharedHead = 'Host: localhost\r\nAuthorization: Bearer bench\r\nUser-Agent: bench/1\r\n'

interface Connection {
  /** One at a time. `answered` gets the status when the whole answer has come. */
  send(request: Buffer, answered: (status: number) => void): void
  close(): void
}

const length = Buffer.from('content-length: ')

/** `broken` gets what ended the connection other than `close`. */
async function open(wish: LoadWish, broken: (error: Error) => void): Promise<Connection> {
  let answered: (status: number) => void = () => {}
  let head: Buffer = Buffer.alloc(0)
  let missing = -1
  let status = 0
  const read = (bytes: Buffer) => {
    if (missing >= 0) missing -= bytes.length
    else {
      head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
      const end = head.indexOf(headEnd)
      if (end < 0) return
      status = Number(head.toString('latin1', 9, 12))
      const at = head.indexOf(length)
      if (at < 0 || at > end) return broken(new Error(`no length: ${head.toString('latin1', 0, end)}`))
      const size = Number.parseInt(head.toString('latin1', at + length.length, end), 10)
      missing = size - (head.length - end - headEnd.length)
    }
    if (missing > 0) return
    missing = -1
    head = Buffer.alloc(0)
    answered(status)
  }
  const socket = await openSocket(wish, read)
  socket.on('error', broken)
  socket.on('close', () => broken(new Error('the server closed the connection')))
  return {
    send(request, onAnswer) {
      answered = onAnswer
      socket.write(request)
    },
    close: () => socket.removeAllListeners('close').destroy(),
  }
}

const shared = Buffer.allocUnsafe(1024 * 1024)

function openSocket(
  { isTls, port }: Pick<LoadWish, 'isTls' | 'port'>,
  read: (bytes: Buffer) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, noDelay: true }
    // Without a stream in between. A part of an answer that is kept is copied.
    const callback = (size: number, buffer: Uint8Array) => {
      read(Buffer.from(buffer.subarray(0, size)))
      return true
    }
    const socket: Socket = isTls
      ? // What is measured is the server's work, not whom the client trusts.
        connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () =>
          resolve(socket),
        ).on('data', read)
      : connectPlain({ ...where, onread: { buffer: shared, callback } }, () => resolve(socket))
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
  const waiting = new Map<string, (ms: number) => void>()
  const heard = new Map<string, number>()
  let rest = ''
  const opened = Promise.withResolvers<void>()
  const socket = await openSocket(wish, (bytes) => {
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
  socket.on('error', opened.reject)
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
    const done = Promise.withResolvers<void>()
    const requests = Array.from({ length: wish.operations }, (_, n) => requestOf(wish, n))
    const connections = await Promise.all(Array.from({ length: wish.clients }, () => open(wish, done.reject)))
    const latenciesMs: number[] = []
    let refused = 0
    let next = 0
    const finish = (sentMs: number, endMs: number) => {
      latenciesMs.push(endMs - sentMs)
      if (latenciesMs.length === wish.operations) done.resolve()
    }
    const ask = (connection: Connection): void => {
      const n = next++
      const request = requests[n]
      if (!request) return
      const sentMs = realClock.monotonicMs()
      connection.send(request, (status) => {
        if (status !== 200 && status !== 201) refused++
        if (!watcher) {
          finish(sentMs, realClock.monotonicMs())
          return ask(connection)
        }
        void watcher.heardMs(`${wish.name}-${n}`).then((endMs) => {
          finish(sentMs, endMs)
          ask(connection)
        })
      })
    }
    const before = cpuSeconds().all
    const startMs = realClock.monotonicMs()
    for (const connection of connections) ask(connection)
    await done.promise
    const elapsedMs = realClock.monotonicMs() - startMs
    const cpu = cpuSeconds().all - before
    for (const connection of connections) connection.close()
    return { cpu, elapsedMs, latenciesMs, refused }
  },
})
