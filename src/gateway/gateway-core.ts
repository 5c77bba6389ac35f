import type { OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '../base/logger.ts'
import type { Backend, Balancer } from './balancer.ts'
import type { EndpointState, IdleConnection } from './endpoint-state.ts'
import type { Limits } from './limits.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import type { Endpoint } from './route-data.ts'
import type { RouteTable } from './routes.ts'
import type { Counters } from './stats.ts'

/**
 * Opens a byte stream to an endpoint. A `net.Socket` may still be connecting; any other stream counts as connected.
 * It must report failure by 'error' or 'close', should have TCP_NODELAY set, and must allow half-open connections
 * (`allowHalfOpen`), or an upgraded connection loses what comes after one side has ended. A write that fails should not
 * keep it from giving what has arrived (`connectPatiently`), or early answers get lost; `errored` is set before 'end' then.
 * The gateway owns it.
 */
export type Dial = (endpoint: Endpoint, hints: DialHints) => Duplex

export interface DialHints {
  /** Hand it to `net.connect` where that is what `dial` does: it saves a buffer per read. Otherwise leave it. */
  readonly onread: OnReadOpts
}

/** A client's connection as the gateway keeps it. */
export interface Client {
  /** `onDeadline` is called by the first sweep behind it. */
  readonly deadlineMs: number
  onDeadline(): void
  /** Ends with its current request. */
  drain(): void
  destroy(): void
}

/** A request that waits for a free connection to one of its backend's endpoints. */
export interface Waiter<C extends IdleConnection> {
  readonly backend: Backend<C> | undefined
  wake(): void
}

/** What all connections of one gateway share; `C` is a connection to an endpoint. */
export interface GatewayCore<C extends IdleConnection> {
  readonly limits: Limits
  readonly logger: Logger
  readonly counters: Counters
  readonly balancer: Balancer<C>
  readonly dial: Dial
  /** Where upstream sockets put what they read: one for all, because each read is used up within its call. */
  readonly readBuffer: Buffer
  /** Heads are read and used up within one call, so one record serves all connections. */
  readonly requestHead: RequestHead
  readonly responseHead: ResponseHead
  readonly scheme: 'http' | 'https'
  table: RouteTable<Backend<C>>
  /** Monotonic, set by each sweep: a deadline costs an addition, not a look at the clock. */
  nowMs: number
  /** Disposing: each connection closes with its current request. */
  isDraining: boolean
  readonly clients: Set<Client>
  /** Requests that wait for a free connection, oldest first. */
  readonly waiters: Waiter<C>[]
  /** A connection of `state` has become free or has gone. */
  wakeWaiter(state: EndpointState<C>): void
}
