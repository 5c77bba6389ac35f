/**
 * The way to a node: connections that its agent dialled to us and on which it serves HTTP/2, so that we are the
 * HTTP/2 client on a socket we accepted. One for control, one for bulk data, so that a lease renewal never queues behind a log.
 */
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import { serviceUnavailable, type StatusError } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'

export type TunnelChannel = 'control' | 'bulk'

export interface NodeRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface NodeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Must be consumed or left by `return()`, which resets the stream. */
  readonly body: AsyncIterable<Uint8Array>
}

/** A stream whose other end the node has taken up: what is written to it is the request's body. */
export interface NodeStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Must be destroyed, or ended and read to its end. */
  readonly stream: Duplex
}

export interface NodeTunnels extends AsyncDisposable {
  /** Takes ownership of a socket that has been upgraded. Replaces the node's older connection for that channel. */
  accept(node: string, channel: TunnelChannel, socket: Duplex, head: Uint8Array): void
  /** Throws `ServiceUnavailable` when the node has no tunnel, or it breaks before the answer's head. */
  requestNode(node: string, request: NodeRequest): Promise<NodeResponse>
  /** As `requestNode`, both ways: resolves at the head of the node's answer. Aborting ends the stream, later too. */
  openStream(node: string, request: NodeRequest): Promise<NodeStream>
  /** Names of the nodes with a live connection. */
  connected(): readonly string[]
}

export interface NodeTunnelsOptions {
  readonly clock: Clock
  readonly logger: Logger
}

/** A stream may have this much under way: 4 MiB move 20 MiB/s at 200 ms. */
const streamWindowBytes = 4 * 1024 * 1024
const sessionWindowBytes = 16 * 1024 * 1024
/** In MB. Node.js refuses streams of a session that holds more, with 10 unless told: less than its windows. */
const sessionMemoryMax = 64
/** A dead connection is noticed within two periods, also where nobody sends anything. */
const pingPeriodMs = 5_000
/** A node that has not begun to answer by then is not going to. */
const answerTimeoutMs = 30_000

export function openNodeTunnels(options: NodeTunnelsOptions): NodeTunnels {
  const tunnels = new Map<string, Tunnel>()
  const idOf = (node: string, channel: TunnelChannel) => `${channel}/${node}`
  const open = async (node: string, request: NodeRequest, isWhole: boolean): Promise<NodeStream> => {
    const tunnel = tunnels.get(idOf(node, 'bulk')) ?? tunnels.get(idOf(node, 'control'))
    if (!tunnel)
      throw unreachable(node, 'it has no open connection to this server; see whether its agent runs')
    try {
      return await send(tunnel.session, request, { clock: options.clock, isWhole })
    } catch (error) {
      if (request.signal?.aborted) throw error
      throw unreachable(node, describeError(error))
    }
  }
  return {
    accept(node, channel, socket, head) {
      const id = idOf(node, channel)
      const logger = options.logger.with({ node, channel })
      switchProtocols(socket, (error) => {
        if (error) return logger.info("a node's tunnel did not open", { why: error.message })
        const tunnel = openTunnel(socket, head, options.clock)
        tunnels.get(id)?.close('a newer connection of the same node has taken its place')
        tunnels.set(id, tunnel)
        logger.info('a node has opened a tunnel')
        tunnel.onClose((why) => {
          if (tunnels.get(id) !== tunnel) return
          tunnels.delete(id)
          logger.info("a node's tunnel is closed", { why })
        })
      })
    },
    async requestNode(node, request) {
      const { status, headers, stream } = await open(node, request, true)
      return { status, headers, body: stream }
    },
    openStream: (node, request) => open(node, request, false),
    connected: () => [...new Set([...tunnels.keys()].map((id) => id.slice(id.indexOf('/') + 1)))],
    async [Symbol.asyncDispose]() {
      for (const tunnel of tunnels.values()) tunnel.close('the server ends')
      tunnels.clear()
    },
  }
}

const unreachable = (node: string, why: string): StatusError =>
  serviceUnavailable(`node ${JSON.stringify(node)} can't be reached: ${why}`)

interface Tunnel {
  readonly session: ClientHttp2Session
  close(why: string): void
  onClose(listener: (why: string) => void): void
}

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sampan-h2\r\n\r\n'

/**
 * Calls back when the answer is out, and not before: HTTP/2 takes the native handle over, and a write of ours that is
 * still under way then would complete in its hands, which Node.js answers with an abort of the process.
 */
function switchProtocols(socket: Duplex, then: (error: Error | null | undefined) => void): void {
  const onError = (error: Error) => then(error)
  socket.once('error', onError)
  socket.write(switching, (error) => {
    socket.off('error', onError)
    // After the callbacks of this write have all returned.
    queueMicrotask(() =>
      then(error ?? (socket.destroyed ? new Error('the connection was closed') : undefined)),
    )
  })
}

function openTunnel(socket: Duplex, head: Uint8Array, clock: Clock): Tunnel {
  if (head.length > 0) socket.unshift(head)
  const session = connect('http://node.invalid', {
    createConnection: () => socket,
    settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    maxSessionMemory: sessionMemoryMax,
  })
  let why = 'the node closed the connection'
  const close = (reason: string) => {
    why = reason
    session.destroy()
    socket.destroy()
  }
  session.once('connect', () => session.setLocalWindowSize(sessionWindowBytes))
  session.on('error', (error) => (why = error.message))
  socket.on('error', (error) => (why = error.message))
  let isAnswered = true
  const stopPings = clock.every(pingPeriodMs, () => {
    if (session.destroyed) return
    if (!isAnswered) return close(`no answer to a ping for ${pingPeriodMs} ms`)
    isAnswered = false
    session.ping(() => (isAnswered = true))
  })
  session.once('close', stopPings)
  return { session, close, onClose: (listener) => void session.once('close', () => listener(why)) }
}

interface Sending {
  readonly clock: Clock
  /** Nothing follows the head. */
  readonly isWhole: boolean
}

function send(
  session: ClientHttp2Session,
  request: NodeRequest,
  { clock, isWhole }: Sending,
): Promise<NodeStream> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': request.method, ':path': request.path, ...request.headers })
    const abort = () => stream.close(constants.NGHTTP2_CANCEL)
    const cancel = clock.after(answerTimeoutMs, () =>
      stream.destroy(new Error(`no answer within ${answerTimeoutMs} ms`)),
    )
    request.signal?.addEventListener('abort', abort, { once: true })
    stream.once('close', () => {
      cancel()
      request.signal?.removeEventListener('abort', abort)
      reject(new Error('the connection was closed before the answer'))
    })
    stream.once('error', reject)
    stream.once('response', (fields) => {
      cancel()
      const { ':status': status = 502, ...rest } = fields
      const headers = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]))
      resolve({ status, headers, stream })
    })
    if (isWhole) stream.end()
    if (request.signal?.aborted) abort()
  })
}
