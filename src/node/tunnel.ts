/**
 * The node's way out: it dials the API server, upgrades the connection, and serves HTTP/2 on the socket it dialled.
 * One connection for control and one for bulk data, so that a small answer never queues behind a log. Both are dialled
 * again for ever.
 */
import {
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { EagerReader } from '../base/eager-reader.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { HttpTransportOptions } from '../client/transport-http.ts'
import { requestUpgrade, type Upgraded } from '../client/upgrade-request.ts'

export interface TunnelOptions {
  readonly server: Omit<HttpTransportOptions, 'socketsMax'>
  readonly nodeName: string
  readonly serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface Tunnel extends AsyncDisposable {
  /** Whether every channel is up. */
  readonly isConnected: boolean
}

const channels = ['control', 'bulk'] as const
export type TunnelChannel = (typeof channels)[number]

const retryBackoff = { baseMs: 100, factor: 2, capMs: 10_000, jitter: 0.5 }
const healthyMs = 10_000 // a connection that lived this long was a good one: the next is dialled quickly
const pingMs = 10_000 // finds a dead connection behind a NAT that forgot it, and keeps the NAT from forgetting
const pingTimeoutMs = 10_000
/** What one stream may have under way to us: 4 MiB move 20 MiB/s at 200 ms. */
const streamWindowBytes = 4 * 1024 * 1024
/** What all of them may, and what waits in memory at most (`EagerReader`). */
const sessionWindowBytes = 8 * 1024 * 1024
/** In MB. Node.js refuses streams of a session that holds more, with 10 unless told: less than its windows. */
const sessionMemoryMax = 64
const streamsMax = 1_000 // concurrent followers of logs of one node

export function openTunnel(options: TunnelOptions): Tunnel {
  const stop = new AbortController()
  const up = new Set<TunnelChannel>()
  const running = channels.map((channel) => keepChannel(options, channel, { up, signal: stop.signal }))
  return {
    get isConnected() {
      return up.size === channels.length
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('tunnel disposed'))
      await Promise.all(running)
    },
  }
}

async function keepChannel(
  options: TunnelOptions,
  channel: TunnelChannel,
  { up, signal }: { readonly up: Set<TunnelChannel>; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, random, logger } = options
  for (let failures = 0; !signal.aborted;) {
    const startMs = clock.monotonicMs()
    try {
      const { socket, head } = await dial(options, channel, signal)
      if (head.length > 0) socket.unshift(head)
      const session = serveOn(socket, options)
      up.add(channel)
      logger.debug('a connection to the API server is up', { channel })
      await sessionEnd(session, clock, signal)
    } catch (error) {
      if (!signal.aborted) logger.debug('a connection to the API server failed', { channel, error })
    }
    up.delete(channel)
    if (clock.monotonicMs() - startMs > healthyMs) failures = 0
    await clock.sleep(backoffMs(failures++, retryBackoff, random), signal).catch(() => {}) // stopped: the loop ends
  }
}

function dial(options: TunnelOptions, channel: TunnelChannel, signal: AbortSignal): Promise<Upgraded> {
  const { clock, nodeName, server: credentials } = options
  const path = `/sampan/v1/nodes/${encodeURIComponent(nodeName)}/tunnel?channel=${channel}`
  return requestUpgrade({ credentials, path, protocol: 'sampan-h2', clock, signal })
}

function serveOn(socket: Duplex, { serve }: TunnelOptions): ServerHttp2Session {
  const session = performServerHandshake(new EagerReader(socket), {
    settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: streamsMax, enablePush: false },
    maxSessionMemory: sessionMemoryMax,
  })
  session.setLocalWindowSize(sessionWindowBytes)
  session.on('stream', (stream, headers) => void serve(stream, headers))
  session.on('error', () => {}) // 'close' follows, and the channel is dialled again
  return session
}

/** Resolves when the connection has ended; ends it when it is silent, or when `signal` aborts. */
async function sessionEnd(session: ServerHttp2Session, clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = () => session.destroy()
  session.once('close', () => resolve())
  signal.addEventListener('abort', end, { once: true })
  const stopPings = clock.every(pingMs, () => {
    const cancel = clock.after(pingTimeoutMs, end)
    // False when the session is closing: its end is seen below.
    if (!session.destroyed) session.ping(() => cancel())
  })
  if (signal.aborted) end()
  await promise
  stopPings()
  signal.removeEventListener('abort', end)
}
