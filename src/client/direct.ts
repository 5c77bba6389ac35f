/**
 * The way to pods of other machines that can be reached: over TLS to their node's data port, without a server in between. One
 * connection for each node carries everything. Nothing waits for it: until it is there, and where it can't be, `relay.ts` has
 * another way.
 */
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { parseDataAddresses, type DataAddress } from '../api/streams/data-addresses.ts'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { EagerReader } from '../base/eager-reader.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { TlsIdentity } from './connector.ts'
import { DialError, type DialTarget } from './dial.ts'

export interface DirectOptions {
  readonly identity: TlsIdentity
  readonly clock: Clock
  readonly logger: Logger
}

export interface DirectRoutes extends Disposable {
  /** Where a node says that it listens. What is known already changes nothing. */
  learn(node: string, addresses: string): void
  /**
   * A connection to the pod, if its node is reached at present; tries to reach it for the next time where it isn't. Rejects with
   * `DialError` when the node says no, and with anything else when the way was none: another one may do.
   */
  dial(target: DialTarget): Promise<Duplex> | undefined
}

interface Route {
  readonly told: string
  readonly addresses: readonly DataAddress[]
  session: ClientHttp2Session | undefined
  isTrying: boolean
  failures: number
  retryAtMs: number
  usedMs: number
}

/** Of the connection itself; nobody waits for it. */
const connectTimeoutMs = 3_000
/** A pod on a reachable machine answers by then, or another way is tried. */
const answerTimeoutMs = 3_000
/** A node that can't be reached is tried again this often, while somebody wants to get there. */
const retryBackoff = { baseMs: 1_000, factor: 2, capMs: 30_000 }
const pingMs = 5_000
/** Unused connections are closed. */
const idleMs = 10 * 60_000
const streamWindowBytes = 4 * 1024 * 1024
const sessionWindowBytes = 8 * 1024 * 1024
/** In MB: more than the windows, which Node.js' default is not. */
const sessionMemoryMax = 64
/** A cluster's nodes, as far as one machine talks to them. */
const routesMax = 4_096

export function openDirectRoutes({ clock, identity, logger }: DirectOptions): DirectRoutes {
  const routes = new Map<string, Route>()
  const lose = (node: string, route: Route, why: string) => {
    if (route.session) logger.info('a node is no longer reached directly', { node, why })
    route.session?.destroy()
    route.session = undefined
    postpone(route)
  }
  const postpone = (route: Route) => {
    route.retryAtMs = clock.monotonicMs() + backoffMs(route.failures++, retryBackoff)
  }
  const reach = async (node: string, route: Route) => {
    route.isTrying = true
    try {
      const session = await firstOf(route.addresses, (address) => openSession(address, node, identity, clock))
      if (routes.get(node) !== route) return session.destroy()
      route.session = session
      route.failures = 0
      session.once('close', () => route.session === session && lose(node, route, 'the connection ended'))
      keepAlive(session, clock, {
        isIdle: () => clock.monotonicMs() - route.usedMs > idleMs,
        onSilence: () => lose(node, route, `no answer to a ping for ${pingMs} ms`),
      })
      logger.info('a node is reached directly', { node })
    } catch (error) {
      postpone(route)
      logger.debug('a node is not reached directly', { node, error: describeError(error) })
    } finally {
      route.isTrying = false
    }
  }
  return {
    learn(node, told) {
      if (routes.get(node)?.told === told) return
      routes.get(node)?.session?.destroy()
      routes.delete(node)
      const addresses = parseDataAddresses(told)
      if (addresses.length === 0 || routes.size >= routesMax) return
      const route = {
        told,
        addresses,
        session: undefined,
        isTrying: false,
        failures: 0,
        retryAtMs: 0,
        usedMs: clock.monotonicMs(),
      }
      routes.set(node, route)
      void reach(node, route)
    },
    dial(target) {
      const route = routes.get(target.node)
      if (!route) return undefined
      route.usedMs = clock.monotonicMs()
      const { session } = route
      if (session && !session.destroyed && !session.closed) {
        const onSilence = () => lose(target.node, route, `no answer within ${answerTimeoutMs} ms`)
        return openStream(session, target, clock, onSilence)
      }
      if (!route.isTrying && clock.monotonicMs() >= route.retryAtMs) void reach(target.node, route)
      return undefined
    },
    [Symbol.dispose]() {
      for (const { session } of routes.values()) session?.destroy()
      routes.clear()
    },
  }
}

/** The first that is there; the others are closed. Rejects when none is. */
async function firstOf(
  addresses: readonly DataAddress[],
  open: (address: DataAddress) => Promise<ClientHttp2Session>,
): Promise<ClientHttp2Session> {
  const opening = addresses.map(open)
  const first = await Promise.any(opening)
  for (const each of opening)
    void each.then(
      (session) => session !== first && session.destroy(),
      () => {}, // told by the one that is there
    )
  return first
}

/** A session with the node of that name, and no other. */
async function openSession(
  address: DataAddress,
  node: string,
  identity: TlsIdentity,
  clock: Clock,
): Promise<ClientHttp2Session> {
  const socket = connectTls({
    ...address,
    ...identity,
    ALPNProtocols: ['h2'],
    checkServerIdentity: (_host, certificate) => strangerOf(node, certificate),
  })
  socket.on('error', () => {}) // 'close' follows
  const cancel = clock.after(connectTimeoutMs, () => socket.destroy(new Error('connecting timed out')))
  try {
    await secured(socket)
    socket.setNoDelay(true)
    const session = connectHttp2('http://node.invalid', {
      createConnection: () => new EagerReader(socket),
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
      maxSessionMemory: sessionMemoryMax,
    })
    session.on('error', () => {}) // 'close' follows
    session.once('connect', () => session.setLocalWindowSize(sessionWindowBytes))
    await new Promise<void>((resolve, reject) => {
      session.once('remoteSettings', () => resolve())
      session.once('close', () => reject(new Error('the node does not let us in')))
    })
    return session
  } finally {
    cancel()
  }
}

const secured = (socket: TLSSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve())
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })

/** The name in the certificate is the node's, and addresses are in none. */
function strangerOf(node: string, { subject }: PeerCertificate): Error | undefined {
  if (subject?.CN === `system:node:${node}`) return undefined
  return new Error(`who listens there is not node ${node}`)
}

interface Watching {
  readonly isIdle: () => boolean
  readonly onSilence: () => void
}

function keepAlive(session: ClientHttp2Session, clock: Clock, { isIdle, onSilence }: Watching): void {
  let isAnswered = true
  const stop = clock.every(pingMs, () => {
    if (!isAnswered) return onSilence()
    if (isIdle()) return session.close()
    isAnswered = false
    if (!session.destroyed) session.ping(() => (isAnswered = true))
  })
  session.once('close', stop)
}

function openStream(
  session: ClientHttp2Session,
  { node, podIP, port }: DialTarget,
  clock: Clock,
  onSilence: () => void,
): Promise<Duplex> {
  const query = new URLSearchParams({ ip: podIP, port: String(port) })
  const stream = session.request({ ':method': 'POST', ':path': `/dial?${query.toString()}` })
  return new Promise((resolve, reject) => {
    const cancel = clock.after(answerTimeoutMs, () => {
      stream.destroy(new Error(`no answer within ${answerTimeoutMs} ms`))
      onSilence()
    })
    stream.once('error', reject)
    stream.once('close', () => {
      cancel()
      reject(new Error('the connection was closed before the answer'))
    })
    stream.once('response', ({ ':status': status }) => {
      cancel()
      if (status === 200) return resolve(stream)
      stream.destroy()
      reject(new DialError(`pod ${podIP} on node ${node} can't be reached: its node answered ${status}`))
    })
  })
}
