import type { AgentOptions, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { http } from '../base/node-http.ts'
import { TransportError } from './client.ts'
import type { ServerConnector, TlsIdentity } from './connector.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface HttpTransportOptions {
  /** `https://127.0.0.1:18888`: no path, no trailing slash. */
  readonly server: string
  /** PEM of the CA that the server's certificate is checked against; without it, Node's own roots. */
  readonly ca?: string
  /** PEM of a client certificate and its key. */
  readonly cert?: string
  readonly key?: string
  readonly token?: string
  /** Connections kept open and, at most, used side by side; further requests wait. */
  readonly socketsMax?: number
  /** Opens the TLS connections; without it they go straight to the server. */
  readonly connector?: ServerConnector
}

// Each informer holds a connection for its watch, so this must exceed the number of informers in a process.
const socketsMaxDefault = 64
const connectTimeoutMs = 10_000

/** Requests over HTTP/1.1 with kept-alive connections. */
export function httpTransport(options: HttpTransportOptions): Transport {
  const url = new URL(options.server)
  const pool = { keepAlive: true, maxSockets: options.socketsMax ?? socketsMaxDefault, noDelay: true }
  const secure = url.protocol === 'https:'
  const agent = secure ? secureAgent(options, pool) : new http.Agent(pool)
  const authorization: Record<string, string> = options.token
    ? { authorization: `Bearer ${options.token}` }
    : {}
  const target: RequestOptions = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    agent,
    timeout: connectTimeoutMs,
  }

  const attempt = (request: TransportRequest) =>
    new Promise<TransportResponse | 'stale'>((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : http.request)({
        ...target,
        method: request.method,
        path: request.path,
        headers: { ...headersOf(request), ...authorization },
        ...(request.signal && { signal: request.signal }),
      })
      let mayHaveArrived = false
      outgoing.on('socket', (socket) => {
        if (!isConnecting(outgoing)) mayHaveArrived = true
        else socket.once(secure ? 'secureConnect' : 'connect', () => (mayHaveArrived = true))
      })
      outgoing.on('response', (incoming) => {
        outgoing.setTimeout(0) // a watch may be silent for as long as it likes; TCP keep-alive finds a dead machine
        resolve(responseOf(incoming, request))
      })
      outgoing.on('timeout', () => {
        if (isConnecting(outgoing)) outgoing.destroy(new Error('connecting timed out'))
      })
      outgoing.on('error', (error) => {
        if (isStale(outgoing, error, request)) resolve('stale')
        else reject(asTransportError(error, { request, server: options.server, mayHaveArrived }))
      })
      outgoing.end(request.body)
    })
  return {
    async send(request) {
      for (;;) {
        const response = await attempt(request)
        if (response !== 'stale') return response
      }
    },
    async [Symbol.asyncDispose]() {
      agent.destroy()
    },
  }
}

function secureAgent(options: HttpTransportOptions, pool: AgentOptions): HttpsAgent {
  const { ca, cert, connector, key, server } = options
  if (!connector) return new HttpsAgent({ ...pool, ca, cert, key, maxCachedSessions: 8 })
  const agent = new HttpsAgent(pool)
  agent.createConnection = (_options, callback) => {
    connector.connect(server, identityOf(options)).then(
      (socket) => callback?.(null, socket),
      // Node.js takes no socket beside an error, which its types don't say.
      (error: unknown) => callback?.(error as Error, undefined as never),
    )
    return undefined
  }
  return agent
}

/** What of the options TLS needs. */
export const identityOf = ({ ca, cert, key }: HttpTransportOptions): TlsIdentity => ({
  ...(ca !== undefined && { ca }),
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
})

function isConnecting({ socket }: ClientRequest): boolean {
  if (!socket) return false
  return socket.connecting || ('secureConnecting' in socket && socket.secureConnecting === true)
}

/**
 * The server closed an idle connection in the moment in which we used it again. A read may be sent anew; whether a write
 * took effect, only its sender can find out. Each try uses up one kept connection, so this ends.
 */
const isStale = (outgoing: ClientRequest, error: Error, { method, signal }: TransportRequest): boolean =>
  outgoing.reusedSocket &&
  method === 'GET' &&
  signal?.aborted !== true &&
  'code' in error &&
  (error.code === 'ECONNRESET' || error.code === 'EPIPE')

function headersOf(request: TransportRequest): Record<string, string> {
  if (!request.body) return { ...request.headers }
  return { ...request.headers, 'content-length': String(request.body.byteLength) }
}

function responseOf(incoming: IncomingMessage, request: TransportRequest): TransportResponse {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value)
  return { status: incoming.statusCode ?? 0, headers, body: bodyOf(incoming, request) }
}

async function* bodyOf(incoming: IncomingMessage, request: TransportRequest): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk as Uint8Array
  } catch (error) {
    throw asTransportError(error, { request, server: 'the server', mayHaveArrived: true })
  }
}

interface Failed {
  readonly request: TransportRequest
  readonly server: string
  readonly mayHaveArrived: boolean
}

function asTransportError(error: unknown, { request, server, mayHaveArrived }: Failed): Error {
  if (request.signal?.aborted && request.signal.reason instanceof Error) return request.signal.reason
  const why = error instanceof Error ? error.message : String(error)
  return new TransportError(`${request.method} ${request.path} got no answer from ${server}: ${why}`, {
    cause: error,
    mayHaveArrived,
  })
}
