/**
 * How a machine gets to a server: TLS, directly or through an HTTP proxy; and where something in between ends TLS, inside of
 * a WebSocket (`carrier.ts`). The server is always the one whose certificate our CA has signed: what is in between is not trusted.
 */
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { abortReason, type Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { openCarrier } from './carrier.ts'
import { connectThrough, proxyFor, withoutBrackets, type HostPort } from './http-proxy.ts'

/** What the server is checked against, and who we are. PEM. */
export interface TlsIdentity {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface ServerConnector {
  /**
   * A TLS connection to the server at `https://HOST:PORT`, proved by its certificate. What worked last is tried first. Rejects
   * when no way leads there, within ten seconds each, or with the signal's reason.
   */
  connect(server: string, identity: TlsIdentity, signal?: AbortSignal): Promise<TLSSocket>
  /** The same by one way, without a look at who it is: nothing may be told there, and nothing believed. */
  connectUnchecked(server: string, way: Way, signal?: AbortSignal): Promise<TLSSocket>
  /** Bytes to the server's TLS port, for somebody who speaks TLS with it himself; by the way that worked last. */
  connectBytes(server: string, signal?: AbortSignal): Promise<Duplex>
  /** How the server was reached last. */
  wayTo(server: string): Way | undefined
}

export type Way = 'direct' | 'websocket'

export interface ConnectorOptions {
  /** For `HTTPS_PROXY` and `NO_PROXY`. */
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly logger: Logger
}

const connectTimeoutMs = 10_000
/** A silent connection is asked for a sign of life after this long; without it the kernel waits for two hours. */
const keepAliveMs = 10_000
/** For so long a WebSocket is tried first where it was needed; then the place may be another one. */
const webSocketKeptMs = 10 * 60_000

export function createConnector({ env, clock, logger }: ConnectorOptions): ServerConnector {
  const known = new Map<string, { readonly way: Way; readonly atMs: number }>()
  const note = (server: string, way: Way) => {
    const before = known.get(server)
    if (way === 'websocket' && before?.way !== 'websocket')
      logger.info('a server is reached inside of a WebSocket: something in between ends TLS', { server })
    if (way === 'direct' || before?.way !== 'websocket') known.set(server, { way, atMs: clock.monotonicMs() })
  }
  const firstWay = (server: string): Way => {
    const found = known.get(server)
    return found && clock.monotonicMs() - found.atMs < webSocketKeptMs ? found.way : 'direct'
  }
  const openBytes = async (target: HostPort, way: Way, signal: AbortSignal) => {
    const raw = await openRaw(target, env, signal)
    return way === 'direct' ? raw : await carriedOver(raw, target, clock, signal)
  }
  const open = async (server: string, way: Way, tls: ConnectionOptions, signal?: AbortSignal) => {
    using deadline = deadlineSignal(clock, connectTimeoutMs, signal)
    const target = hostPortOf(server)
    const carried = await openBytes(target, way, deadline.signal)
    return await secured(carried, { ...tls, ...nameOf(target) }, deadline.signal)
  }
  const attempt = async (server: string, way: Way, identity: TlsIdentity, signal?: AbortSignal) => {
    const socket = await open(server, way, { ...identity }, signal)
    note(server, way)
    return socket
  }
  return {
    async connect(server, identity, signal) {
      const first = firstWay(server)
      try {
        return await attempt(server, first, identity, signal)
      } catch (error) {
        known.delete(server)
        if (signal?.aborted) throw error
        if (first === 'websocket') return attempt(server, 'direct', identity, signal)
        if (!isSomebodyElse(error)) throw error
        return await attempt(server, 'websocket', identity, signal).catch((carrierError: unknown) => {
          const why = `${describeError(error)}; inside of a WebSocket: ${describeError(carrierError)}`
          throw new Error(why, { cause: error })
        })
      }
    },
    connectUnchecked: (server, way, signal) => open(server, way, { rejectUnauthorized: false }, signal),
    async connectBytes(server, signal) {
      using deadline = deadlineSignal(clock, connectTimeoutMs, signal)
      return await openBytes(hostPortOf(server), firstWay(server), deadline.signal)
    },
    wayTo: (server) => known.get(server)?.way,
  }
}

export function hostPortOf(server: string): HostPort {
  const { hostname, port } = new URL(server)
  return { host: withoutBrackets(hostname), port: Number(port) || 443 }
}

/** Where no name can be told beforehand, certificates are checked against the address. */
const nameOf = ({ host }: HostPort): ConnectionOptions => (isIP(host) === 0 ? { servername: host } : { host })

/** A connection to the host, through the proxy that leads there. */
async function openRaw(target: HostPort, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Duplex> {
  const proxy = proxyFor(target, env)
  if (proxy) return connectThrough(proxy, target, signal)
  const alive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs }
  const socket = connectTcp({ ...target, ...alive, noDelay: true })
  await ready(socket, 'connect', signal)
  return socket
}

/** The outer TLS is spoken with whoever is there, and proves nothing. */
async function carriedOver(
  raw: Duplex,
  target: HostPort,
  clock: Clock,
  signal: AbortSignal,
): Promise<Duplex> {
  const outer = await secured(
    raw,
    { ...nameOf(target), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
    signal,
  )
  const giveUp = () => outer.destroy(abortReason(signal))
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await openCarrier(outer, target, clock)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Owns `socket`. */
async function secured(socket: Duplex, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  const secure = connectTls({ ...options, socket })
  secure.once('close', () => socket.destroy())
  await ready(secure, 'secureConnect', signal)
  return secure
}

/** Destroys the stream when it fails or is not ready before the signal aborts. */
function ready(stream: Duplex, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  stream.on('error', () => {}) // 'close' follows, for whoever uses it by then
  return new Promise((resolve, reject) => {
    const onAbort = () => stream.destroy(abortReason(signal))
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort)
      stream.off('error', onError)
      stream.off('close', onClose)
      act()
    }
    const onError = (error: Error) => settle(() => reject(error))
    const onClose = () => settle(() => reject(new Error('the connection was closed')))
    stream.once('error', onError)
    stream.once('close', onClose)
    stream.once(event, () => settle(resolve))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

/** Whoever answered has a certificate, and it is not of our CA. */
function isSomebodyElse(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return foreignCodes.has(code)
}

const foreignCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
