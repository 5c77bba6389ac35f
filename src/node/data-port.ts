/**
 * The node's own port: other nodes and gateways that reach it connect to pods here, without a server in between. HTTP/2 over
 * TLS, both sides proved by the cluster's CA, and the same `POST /dial` as over the connections that the node dials.
 */
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { TLSSocket } from 'node:tls'
import type { DataAddress } from '../api/streams/data-addresses.ts'
import { describeError, type Logger } from '../base/logger.ts'

export interface DataPortOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** PEM: the node's certificate and key, and the CA of the cluster. */
  readonly identity: { readonly cert: string; readonly key: string; readonly ca: string }
  readonly serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>
  readonly logger: Logger
}

export interface DataPort extends AsyncDisposable {
  /** Where others may reach it. */
  readonly addresses: readonly DataAddress[]
  readonly port: number
}

/** Who may connect to pods: their groups are in the certificates that the cluster's CA has signed. */
const groupsAllowed = new Set(['system:nodes', 'system:sampan', 'system:masters'])
/** As for the connections that the node dials; the other end reads eagerly (`client/direct.ts`). */
const streamWindowBytes = 4 * 1024 * 1024
const sessionWindowBytes = 8 * 1024 * 1024
const sessionMemoryMax = 64
const streamsMax = 1_000
/** Each other node has one, each gateway too. */
const connectionsMax = 10_000
/** Somebody who connects and shows nothing. */
const handshakeTimeoutMs = 10_000

export interface NodeDataPortOptions extends Omit<DataPortOptions, 'identity'> {
  readonly identity: { readonly cert?: string; readonly key?: string; readonly ca?: string }
  /** What it was last time: kept where any port will do, so that a rule of a firewall stays good. */
  readonly portBefore: number | undefined
}

/** Undefined where the node has no certificate, or can't listen: then servers are in between. */
export async function openNodeDataPort(options: NodeDataPortOptions): Promise<DataPort | undefined> {
  const { listen, logger, portBefore, serve } = options
  const { ca, cert, key } = options.identity
  if (ca === undefined || cert === undefined || key === undefined) return undefined
  const open = (port: number) =>
    openDataPort({ listen: { ...listen, port }, identity: { ca, cert, key }, serve, logger })
  try {
    if (listen.port !== 0 || portBefore === undefined) return await open(listen.port)
    return await open(portBefore).catch(() => open(0)) // somebody else has it by now
  } catch (error) {
    logger.warn('there is no data port: other nodes reach this one over the servers', {
      listen,
      error: describeError(error),
    })
    return undefined
  }
}

/** Rejects when it can't listen there. */
async function openDataPort({ identity, listen, logger, serve }: DataPortOptions): Promise<DataPort> {
  const sessions = new Set<ServerHttp2Session>()
  const server = createSecureServer({
    ...identity,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
    settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: streamsMax, enablePush: false },
    maxSessionMemory: sessionMemoryMax,
  })
  server.maxConnections = connectionsMax
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {}) // 'close' follows
    if (!isAllowed(session)) return session.destroy()
    session.setLocalWindowSize(sessionWindowBytes)
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const isDial = headers[':method'] === 'POST' && headers[':path']?.startsWith('/dial?') === true
    if (isDial) return void serve(stream, headers)
    stream.on('error', () => {}) // whoever asked has gone
    stream.respond({ ':status': 404 }, { endStream: true })
  })
  server.on('tlsClientError', (error) =>
    logger.debug('a connection to the data port was refused', { error: describeError(error) }),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => logger.warn('the data port failed', { error: describeError(error) }))
  const { port } = server.address() as AddressInfo
  return {
    addresses: hostsOf(listen.host).map((host) => ({ host, port })),
    port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.destroy()
      }),
  }
}

function isAllowed({ socket }: ServerHttp2Session): boolean {
  const secure = socket as TLSSocket // the server has no others
  if (!secure.authorized) return false
  const { subject } = secure.getPeerCertificate()
  const groups: unknown = subject?.O
  return (Array.isArray(groups) ? groups : [groups]).some((group) => groupsAllowed.has(String(group)))
}

/** Link-local addresses mean something else on each machine. */
function hostsOf(host: string): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host]
  return Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ address, internal, scopeid }) => !internal && !scopeid && !address.startsWith('169.254.'))
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .map(({ address }) => address)
}
