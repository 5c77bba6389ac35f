/**
 * The API server on sockets: plain HTTP/1.1 on one port, TLS with HTTP/2 and HTTP/1.1 on another. Nothing here knows what a
 * request means. A body goes out at the pace of its reader; one that takes nothing for too long is cut off.
 */
import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { http } from '../base/node-http.ts'
import { createCarriers } from './carrier.ts'
import { compressed } from './compress.ts'
import type { ApiRequest, ApiResponse, ClientCertificate } from './http.ts'
import { openListedConnections, type ListedConnections } from './listed-connections.ts'
import { tunnelProtocol } from './node-upgrade.ts'
import { chunkBytes, MemoryBody } from './respond.ts'
import type { ApiServer } from './server.ts'
import { isListed } from './stages/allowed-keys.ts'

export interface ListenOptions {
  /** Not owned. */
  readonly server: ApiServer
  readonly clock: Clock
  readonly logger: Logger
  readonly http?: { readonly host: string; readonly port: number }
  /** PEM texts. Client certificates are verified against `ca`. */
  readonly tls?: {
    readonly host: string
    readonly port: number
    readonly cert: string
    readonly key: string
    readonly ca: string
  }
  /** Takes the connections that come to the plain port inside of a WebSocket. Default: the TLS port that is opened along. */
  readonly carry?: (stream: Duplex) => void
}

export interface ApiListener extends AsyncDisposable {
  /** Serves a connection as if it had come to the TLS port. */
  readonly carry: ((stream: Duplex) => void) | undefined
  /** The port that was given, or the one the system chose for port 0. */
  readonly httpPort: number | undefined
  readonly tlsPort: number | undefined
}

/** Tokens and impersonation headers are long; this is far below what upstream takes, far above what clients send. */
const headerBytesMax = 64 * 1024
const headersTimeoutMs = 30_000
const keepAliveTimeoutMs = 120_000
/** A socket whose reader is quick takes each write at once: without a rest a list of 60 MB would hold the loop for 100 ms. */
const turnBytes = 1024 * 1024
/** A reader that takes nothing for this long is not going to. */
const stalledReaderMs = 60_000
/** Connections that are open at once; upstream has no limit of its own, file descriptors are one. */
const connectionsMax = 10_000

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse
type AnyServer = HttpServer | Http2SecureServer

/** Rejects when an address can't be listened on. Disposing of it cuts the connections that are still open. */
export async function listenApi(options: ListenOptions): Promise<ApiListener> {
  await using stack = new AsyncDisposableStack()
  const secure = options.tls && (await tlsServer(options.tls))
  const carry = secure ? (stream: Duplex) => void secure.emit('connection', stream) : options.carry
  const listed = secure && stack.use(openListedConnections(options))
  const given = { ...options, ...(carry && { carry }), ...(listed && { listed }) }
  const http = options.http && stack.use(await listenOn(httpServer(), options.http, given))
  const tls = options.tls && secure && stack.use(await listenOn(secure, options.tls, given))
  const owned = stack.move()
  return {
    carry,
    httpPort: http?.port,
    tlsPort: tls?.port,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const httpLimits = {
  maxHeaderSize: headerBytesMax,
  headersTimeout: headersTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
  // What an app behind `proxy` is sent may take hours; other bodies are bounded by `body.ts`, headers in time.
  requestTimeout: 0,
  noDelay: true,
}

/** Anything else (`curl --http2` asks for h2c) is an ordinary request. */
const isUpgrade = (request: IncomingMessage): boolean =>
  upgradeProtocols.has(request.headers.upgrade?.toLowerCase() ?? '')

const upgradeProtocols = new Set([tunnelProtocol, 'websocket', 'spdy/3.1'])

const httpServer = (): AnyServer => http.createServer({ ...httpLimits, shouldUpgradeCallback: isUpgrade })

async function tlsServer(tls: NonNullable<ListenOptions['tls']>): Promise<AnyServer> {
  // Loading HTTP/2 takes a moment that a plain server needn't spend.
  const { createSecureServer } = await import('node:http2')
  const { cert, key, ca } = tls
  const windows = { settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1_000 } }
  const certificates = { cert, key, ca, requestCert: true, rejectUnauthorized: false }
  return createSecureServer({ allowHTTP1: true, ...certificates, ...httpLimits, ...windows })
}

interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listenOn(
  server: AnyServer,
  { host, port }: { readonly host: string; readonly port: number },
  options: ListenOptions & { readonly listed?: ListedConnections },
): Promise<Listening> {
  const sockets = new Set<Socket>()
  const shown = createShownCertificates()
  const carriers = createCarriers(options.carry)
  server.maxConnections = connectionsMax
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // Without a listener a reset connection would end the process; the request in flight sees it as an abort.
    socket.on('error', () => {})
  }
  server.on('connection', track)
  server.on('secureConnection', (socket: TLSSocket) => {
    track(socket)
    const certificate = certificateOf(socket)
    if (certificate && isListed(certificate)) options.listed?.add(socket, certificate)
  })
  const serving = { ...options, shown }
  server.on('request', (request: Request, response: Response) => void serve(serving, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!carriers.accept(request, socket, head))
      void options.server.upgrade(new SocketRequest(request, shown(request)), socket, head)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => options.logger.error('the API listener failed', { error }))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function serve(
  options: ListenOptions & { readonly shown: ShownCertificates },
  request: Request,
  response: Response,
): Promise<void> {
  const reader = new Reader()
  response.once('close', reader.leave)
  response.on('error', reader.leave)
  try {
    const answer = await options.server.handle(new SocketRequest(request, options.shown(request), reader))
    const isHead = request.method === 'HEAD'
    const sent = isHead ? answer : compressed(answer, String(request.headers['accept-encoding'] ?? ''))
    const sending = send(sent, response, { clock: options.clock, reader, isHead })
    if (sending) await sending
  } catch (error) {
    if (!reader.isGone)
      options.logger.warn('an answer was cut off', { path: request.url, error: describeError(error) })
    response.destroy()
  }
}

/** Who waits for the answer. A signal costs as much as a small answer, and few ask for it: it is made for those. */
class Reader {
  isGone = false
  #gone: AbortController | undefined

  get signal(): AbortSignal {
    if (!this.#gone) {
      this.#gone = new AbortController()
      if (this.isGone) this.#gone.abort()
    }
    return this.#gone.signal
  }

  readonly leave = (): void => {
    this.isGone = true
    this.#gone?.abort()
  }
}

/** Of a class of its own: an object with getters that is made anew each time is a slow one. */
class SocketRequest implements ApiRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly headerLists: ApiRequest['headerLists']
  readonly body: Request | undefined
  readonly clientCertificate: ClientCertificate | undefined
  readonly #request: Request
  readonly #reader: Reader | undefined

  constructor(request: Request, certificate: ClientCertificate | undefined, reader?: Reader) {
    this.method = request.method ?? 'GET'
    this.path = request.url ?? '/'
    this.headers = plainHeaders(request)
    this.headerLists = repeatedHeaders(request)
    this.body = hasBody(this.method, this.headers) ? request : undefined
    this.clientCertificate = certificate
    this.#request = request
    this.#reader = reader
  }

  get signal(): AbortSignal | undefined {
    return this.#reader?.signal
  }

  get presentedKey(): string | undefined {
    return this.clientCertificate ? undefined : keyOf(this.#request.socket)
  }
}

/** Nearly no GET has one; but an app behind `proxy` may want what its client has announced, and would wait for it. */
const hasBody = (method: string, headers: ApiRequest['headers']): boolean =>
  (method !== 'GET' && method !== 'HEAD') ||
  headers['transfer-encoding'] !== undefined ||
  Number(headers['content-length'] ?? 0) > 0

function plainHeaders({ headers: given, httpVersionMajor }: Request): Readonly<Record<string, string>> {
  // Of HTTP/1 only this one is ever a list.
  if (httpVersionMajor === 1 && !given['set-cookie']) return given as Record<string, string>
  const headers: Record<string, string> = {}
  for (const name in given) {
    const value = given[name]
    if (name.startsWith(':') || value === undefined) continue
    headers[name] = Array.isArray(value) ? value.join(', ') : String(value)
  }
  return headers
}

/** Node joins what was sent more than once; a group may have a comma of its own. */
function repeatedHeaders({ rawHeaders }: Request): ApiRequest['headerLists'] {
  let lists: Map<string, string[]> | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? ''
    if (given[0] !== 'i' && given[0] !== 'I') continue
    const name = given.toLowerCase()
    if (!name.startsWith('impersonate-')) continue
    lists ??= new Map()
    lists.set(name, [...(lists.get(name) ?? []), rawHeaders[at + 1] ?? ''])
  }
  return lists && Object.fromEntries(lists)
}

type ShownCertificates = (request: Request) => ClientCertificate | undefined

/** What a connection's client has shown in its handshake stays the same: it is read once, which takes longer than many an answer. */
function createShownCertificates(): ShownCertificates {
  const known = new WeakMap<object, ClientCertificate | undefined>()
  return (request) => {
    const { socket } = request
    // Over HTTP/2 each request has a socket of its own to look at.
    const connection = ('stream' in request && request.stream.session) || socket
    if (!known.has(connection)) known.set(connection, certificateOf(socket))
    return known.get(connection)
  }
}

/** Only a certificate that our CA has signed says who somebody is. */
function certificateOf(socket: Socket | TLSSocket): ClientCertificate | undefined {
  if (!('authorized' in socket) || !socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate()
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : []
  const [commonName = ''] = texts(subject?.CN)
  if (commonName === '') return undefined
  const organizations = texts(subject?.O)
  const publicKey = isListed({ organizations }) ? keyOf(socket) : undefined
  return { commonName, organizations, ...(publicKey !== undefined && { publicKey }) }
}

/** Base64 of the DER public key of the certificate that the client has shown. */
function keyOf(socket: Socket | TLSSocket): string | undefined {
  const certificate = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined
  return certificate?.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
}

interface Sending {
  readonly clock: Clock
  readonly reader: Reader
  readonly isHead: boolean
}

/** A promise only for what doesn't go out at once. */
function send(answer: ApiResponse, response: Response, sending: Sending): Promise<void> | undefined {
  const { body, headers, status } = answer
  // The two classes share no type, though both do the same.
  const writable = response as ServerResponse
  // The rest of a body that is too long is not worth reading.
  if (status === 413 && 'shouldKeepAlive' in writable) writable.shouldKeepAlive = false
  writable.writeHead(
    status,
    answer.cookies ? { ...headers, 'set-cookie': [...answer.cookies] } : (headers as OutgoingHttpHeaders),
  )
  if (sending.isHead || status === 304) {
    writable.end()
    return undefined
  }
  const whole = body instanceof MemoryBody && body.chunks.length === 1 ? body.chunks[0] : undefined
  if (!whole || whole.length > chunkBytes) return sendChunks(body, writable, sending)
  writable.off('close', sending.reader.leave)
  writable.end(whole)
  return undefined
}

async function sendChunks(
  body: ApiResponse['body'],
  writable: ServerResponse,
  { clock, reader }: Sending,
): Promise<void> {
  // A watch may have nothing to say for a while; its client waits for the head.
  if (!(body instanceof MemoryBody)) writable.flushHeaders()
  let heldBytes = 0
  for await (const chunk of body) {
    if (reader.isGone) return
    if (!writable.write(chunk)) await drained(writable, clock, reader.signal)
    heldBytes += chunk.length
    if (heldBytes < turnBytes) continue
    heldBytes = 0
    await nextTurn()
  }
  // The body has come to its end: there is nothing left to abort, and that costs as much as a small answer.
  if (!writable.destroyed) writable.off('close', reader.leave)
  writable.end()
}

/** Resolves when more can be written, or nothing ever will be. */
function drained(response: ServerResponse, clock: Clock, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      response.off('drain', done)
      gone.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(stalledReaderMs, () => {
      response.destroy()
      done()
    })
    response.once('drain', done)
    gone.addEventListener('abort', done, { once: true })
    if (gone.aborted) done()
  })
}
