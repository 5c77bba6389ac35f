/**
 * Every bound of the gateway in one record, so that an operator sees what a client, an app or a flood can
 * make it hold. A test or a composition root overrides single fields.
 */
export interface Limits {
  /** Client connections; one more is answered 503 and closed. Each costs about 10 KiB when idle. */
  readonly clientConnectionsMax: number
  /** Connections to one endpoint, upgraded ones included. Below the 28 k ephemeral ports of one address pair. */
  readonly endpointConnectionsMax: number
  /** Idle connections kept per endpoint: more than a steady load uses, few enough not to tire a small app. */
  readonly endpointIdleMax: number
  /** Requests that wait for a connection while all endpoints are at their maximum; one more is answered 503. */
  readonly waitersMax: number
  readonly waitTimeoutMs: number
  /** Endpoints tried for one request before it fails. */
  readonly attemptsMax: number
  /** Bytes a client may send ahead of the answer (pipelining, early bodies) before its socket is paused. */
  readonly aheadBytesMax: number
  /** A first line, up to its CRLF. 8 KiB is what common servers and browsers agree on. */
  readonly requestLineBytesMax: number
  readonly headBytesMax: number
  readonly headersMax: number
  /** Interim (1xx) answers before the final one; more is a broken app. */
  readonly interimMax: number
  /** From the first byte of a head (or from accept) to its end: what a slow-head attack gets. */
  readonly headTimeoutMs: number
  readonly connectTimeoutMs: number
  /** From the last request byte sent to the end of the response head. */
  readonly responseTimeoutMs: number
  /** A client connection without a request. */
  readonly idleTimeoutMs: number
  /** A client that neither sends the body it announced nor reads the answer. */
  readonly stallTimeoutMs: number
  /** An idle upstream connection. Below Node's own 5 s keep-alive limit, so that the app rarely closes first. */
  readonly upstreamIdleMs: number
  /** After an early answer: how long the rest of a request is read and thrown away, so that the answer arrives. */
  readonly lingerMs: number
  /** How long dispose lets requests and tunnels finish. */
  readonly graceMs: number
}

export const defaultLimits: Limits = {
  clientConnectionsMax: 10_000,
  endpointConnectionsMax: 4_096,
  endpointIdleMax: 128,
  waitersMax: 1_024,
  waitTimeoutMs: 5_000,
  attemptsMax: 8,
  aheadBytesMax: 64 * 1024,
  requestLineBytesMax: 8 * 1024,
  headBytesMax: 16 * 1024,
  headersMax: 100,
  interimMax: 8,
  headTimeoutMs: 10_000,
  connectTimeoutMs: 2_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  stallTimeoutMs: 60_000,
  upstreamIdleMs: 4_000,
  lingerMs: 2_000,
  graceMs: 10_000,
}

/** Period of the one timer that checks every deadline: deadlines are late by at most two of these, never early. */
export const sweepMs = 250
