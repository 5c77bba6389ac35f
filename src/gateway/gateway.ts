import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { Balancer } from './balancer.ts'
import { ClientConnection } from './client-connection.ts'
import { renderFailure } from './failures.ts'
import type { Dial } from './gateway-core.ts'
import { defaultLimits, type Limits, sweepMs } from './limits.ts'
import { RequestHead } from './request-head.ts'
import { ResponseHead } from './response-head.ts'
import type { RouteData } from './route-data.ts'
import { buildRouteTable } from './routes.ts'
import { Counters, type GatewayStats } from './stats.ts'
import type { Core, UpstreamConnection } from './upstream-connection.ts'

/**
 * The gateway puts apps on URLs: a reverse proxy for HTTP/1.1 straight on sockets. It promises that a request is
 * forwarded byte for byte or refused (never repaired), that bodies stream both ways with back-pressure and are never
 * held whole, that a dead replica costs no idempotent request, and that everything it holds is bounded (`limits.ts`).
 * It never reads cluster objects (`translate.ts` turns them into `RouteData`), never caches, and never rewrites bodies.
 *
 * Start reading at `client-connection.ts` (one client, its requests in turn), then `upstream-connection.ts` (one
 * connection to an endpoint, its responses). `request-head.ts`, `response-head.ts` and `chunk-scanner.ts` decide
 * what is HTTP; `routes.ts` and `balancer.ts` decide where a request goes.
 */
export interface Gateway extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  /** Replaces routes and endpoints at once. Requests in flight and tunnels go on where they are. */
  update(data: RouteData): void
  stats(): GatewayStats
  /**
   * Stops accepting, closes idle connections, gives requests and tunnels `limits.graceMs` to finish, then cuts
   * them. Resolves when every socket is closed.
   */
  [Symbol.asyncDispose](): Promise<void>
}

export interface GatewayOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** What to serve before the first `update`; nothing by default. */
  readonly routes?: RouteData
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits?: Partial<Limits>
  /** Believe the `X-Forwarded-*` and `Forwarded` lines of clients: only behind a proxy that sets them. */
  readonly trustForwarded?: boolean
  /** What `X-Forwarded-Proto` says. */
  readonly scheme?: 'http' | 'https'
}

/** Resolves when the gateway listens; rejects with the listen error. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock, logger } = options
  const core = createCore(options)
  const update = (data: RouteData) => {
    core.balancer.update(data)
    const fallback =
      data.defaultBackend === undefined ? undefined : core.balancer.backend(data.defaultBackend)
    core.table = buildRouteTable(data.routes, (route) => core.balancer.backend(route.backend), fallback)
    for (const waiter of core.waiters.splice(0)) waiter.wake()
  }
  if (options.routes) update(options.routes)
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  })
  server.on('connection', (socket) => accept(core, socket))
  const address = await listen(server, options.listen)
  server.on('error', (error) => logger.error('the gateway cannot accept connections', { error }))
  const stopSweep = clock.every(sweepMs, () => sweep(core, Math.floor(clock.monotonicMs())))
  logger.info('the gateway listens', address)
  return {
    address,
    update,
    stats: () => statsOf(core),
    async [Symbol.asyncDispose]() {
      await closeGateway({ core, server, clock })
      stopSweep()
    },
  }
}

function createCore(options: GatewayOptions): Core {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const counters = new Counters()
  const balancer = new Balancer<UpstreamConnection>(limits.endpointConnectionsMax, createDice(options.random))
  return {
    limits,
    logger: options.logger,
    counters,
    balancer,
    dial: options.dial,
    readBuffer: Buffer.allocUnsafeSlow(readBytesMax),
    requestHead: new RequestHead(limits, options.trustForwarded ?? false),
    responseHead: new ResponseHead(limits),
    scheme: options.scheme ?? 'http',
    table: buildRouteTable([], () => balancer.backend('')),
    nowMs: Math.floor(options.clock.monotonicMs()),
    isDraining: false,
    clients: new Set(),
    waiters: [],
    wakeWaiter(state) {
      if (this.waiters.length === 0) return
      const at = this.waiters.findIndex((waiter) => waiter.backend?.states.includes(state) === true)
      if (at >= 0) for (const waiter of this.waiters.splice(at, 1)) waiter.wake()
    },
  }
}

/** Xorshift: the injected source may cost a microsecond a draw, and load balancing needs no secrecy. */
function createDice(random: Random): () => number {
  let state = Math.floor(random.float() * 0x7fffffff) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 0x7fffffff
  }
}

function accept(core: Core, socket: Socket): void {
  if (core.clients.size < core.limits.clientConnectionsMax && !core.isDraining) {
    core.clients.add(new ClientConnection(core, socket))
    return
  }
  core.counters.countFailure('overloaded')
  socket.on('error', () => socket.destroy())
  socket.end(renderFailure('overloaded', { asJson: false, closes: true, isHead: false }))
  socket.destroySoon()
}

function listen(server: Server, at: GatewayOptions['listen']): Promise<Gateway['address']> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, backlog: listenBacklog }, () => {
      server.off('error', reject)
      const bound = server.address()
      resolve({ host: at.host, port: typeof bound === 'object' && bound !== null ? bound.port : at.port })
    })
  })
}

/** Checks every deadline. A walk over ten thousand connections takes well under a millisecond. */
function sweep(core: Core, nowMs: number): void {
  core.nowMs = nowMs
  for (const client of core.clients) if (client.deadlineMs <= nowMs) client.onDeadline()
  for (const state of core.balancer.states) state.closeIdle(nowMs - core.limits.upstreamIdleMs)
}

function statsOf({ balancer, clients, counters }: Core): GatewayStats {
  let upstreamConnections = 0
  let upstreamIdle = 0
  for (const state of balancer.states) {
    upstreamConnections += state.open
    upstreamIdle += state.idle.length
  }
  const { tunnels, requests, retries, upstreamConnects } = counters
  return {
    clientConnections: clients.size,
    tunnels,
    upstreamConnections,
    upstreamIdle,
    requests,
    responses: [...counters.responses],
    failures: { ...counters.failures },
    retries,
    upstreamConnects,
  }
}

interface Closing {
  readonly core: Core
  readonly server: Server
  readonly clock: Clock
}

async function closeGateway({ core, server, clock }: Closing): Promise<void> {
  core.isDraining = true
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const client of core.clients) client.drain()
  for (const state of core.balancer.states) state.closeIdle()
  const stopGrace = clock.after(core.limits.graceMs, () => {
    for (const client of core.clients) client.destroy()
  })
  await closed
  stopGrace()
}

/** What one read takes at most: libuv's own choice. */
const readBytesMax = 64 * 1024
/** Connections the kernel may hold before they are accepted: a burst after a restart should not see refusals. */
const listenBacklog = 1024
