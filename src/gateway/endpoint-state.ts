import type { Endpoint } from './route-data.ts'

/** What an endpoint keeps of a connection that waits for its next request. */
export interface IdleConnection {
  readonly idleSinceMs: number
  readonly isUsable: boolean
  close(): void
}

/** The first failure puts an endpoint aside this long, each further one twice as long, up to the cap. */
const asideBaseMs = 500
const asideCapMs = 10_000

/** What the gateway has learnt about one endpoint; lives as long as some backend lists the endpoint's key. */
export class EndpointState<C extends IdleConnection> {
  endpoint: Endpoint
  /** Requests and tunnels in flight. */
  active = 0
  /** Connections, connecting and idle ones included. */
  open = 0
  /** Failures in a row. */
  failures = 0
  asideUntilMs = 0
  /** No backend lists it any more: its connections end with their request. */
  isRetired = false
  /** The one used last is at the end and is used first, so that those in excess grow old. */
  readonly idle: C[] = []

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
  }

  takeIdle(): C | undefined {
    for (;;) {
      const connection = this.idle.pop()
      if (connection === undefined || connection.isUsable) return connection
      connection.close()
    }
  }

  forget(connection: C): void {
    const at = this.idle.indexOf(connection)
    if (at >= 0) this.idle.splice(at, 1)
  }

  /** Closes the idle connections that have waited since `beforeMs` or longer; all of them without an argument. */
  closeIdle(beforeMs = Infinity): void {
    if (this.idle.length === 0) return
    const old = this.idle.filter((connection) => connection.idleSinceMs <= beforeMs)
    for (const connection of old) {
      this.forget(connection)
      connection.close()
    }
  }

  /** One request tries an endpoint that failed before; until it is told otherwise the others keep away. */
  beginTrial(untilMs: number): void {
    if (this.failures > 0) this.asideUntilMs = Math.max(this.asideUntilMs, untilMs)
  }

  onSuccess(): void {
    this.failures = 0
    this.asideUntilMs = 0
  }

  /** A failed connect, or a connection lost before it answered. Its other idle connections are not trusted either. */
  onFailure(nowMs: number): void {
    this.asideUntilMs = nowMs + Math.min(asideCapMs, asideBaseMs * 2 ** Math.min(this.failures, 16))
    this.failures++
    this.closeIdle()
  }
}
