/** A copy of the gateway's counters at one moment; the counts only grow, the gauges move. */
export interface GatewayStats {
  /** Gauge. */
  readonly clientConnections: number
  /** Gauge: upgraded connections. */
  readonly tunnels: number
  /** Gauges, over all endpoints. */
  readonly upstreamConnections: number
  readonly upstreamIdle: number
  readonly requests: number
  /** Answers of apps by class: index 2 counts 2xx. */
  readonly responses: readonly number[]
  /** Answers that the gateway gave itself, and cut connections, by reason. */
  readonly failures: Readonly<Record<string, number>>
  readonly retries: number
  readonly upstreamConnects: number
}

export class Counters {
  tunnels = 0
  requests = 0
  retries = 0
  upstreamConnects = 0
  readonly responses = [0, 0, 0, 0, 0, 0]
  readonly failures: Record<string, number> = {}

  countFailure(reason: string): void {
    this.failures[reason] = (this.failures[reason] ?? 0) + 1
  }
}
