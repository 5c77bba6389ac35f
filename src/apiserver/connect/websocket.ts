/** Turns an upgraded socket into a WebSocket, and keeps an eye on whether its client is still there. */
import type { IncomingMessage } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Clock } from '../../base/clock.ts'
import { badRequest } from '../../api/status.ts'
import type { UpgradeContext } from './upgrade-context.ts'

/** An uploading tool may send a small file as one message; a command's input comes in pieces of some 32 KiB. */
const messageBytesMax = 16 * 1024 * 1024
/** A dead client is noticed within two periods. Often enough for proxies that drop silent connections after a minute. */
const pingPeriodMs = 25_000

/** Answers 101 with `protocol`. Rejects with BadRequest when it is no proper WebSocket handshake. */
export function acceptWebSocket(
  { request, socket, head, machinery }: UpgradeContext,
  protocol: string | undefined,
): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: messageBytesMax })
  // `ws` refuses names with a slash, which kubectl's tunnelled SPDY has, so the choice is kept out of its sight.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers
  server.on('headers', (lines) => {
    if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  })
  return new Promise((resolve, reject) => {
    server.once('wsClientError', (error) => reject(badRequest(`no WebSocket handshake: ${error.message}`)))
    // These three are all that `ws` reads of a request.
    const incoming = { method: request.method, url: request.path, headers } as unknown as IncomingMessage
    server.handleUpgrade(incoming, socket, Buffer.from(head), (webSocket) => {
      watchOver(webSocket, machinery.clock)
      resolve(webSocket)
    })
  })
}

function watchOver(webSocket: WebSocket, clock: Clock): void {
  let isThere = true
  webSocket.on('pong', () => (isThere = true))
  // 'close' follows, and ends what goes on.
  webSocket.on('error', () => {})
  const stop = clock.every(pingPeriodMs, () => {
    if (!isThere) return webSocket.terminate()
    isThere = false
    webSocket.ping()
  })
  webSocket.once('close', stop)
}

/** What may be on its way to a client that is slow to take it. */
export const bufferedBytesMax = 1024 * 1024

/** Resolves when there is room for more: false when nothing will ever be taken again. */
export function sendMessage(webSocket: WebSocket, message: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    webSocket.send(message, (error) => resolve(!error))
    if (webSocket.readyState === webSocket.OPEN && webSocket.bufferedAmount < bufferedBytesMax) resolve(true)
  })
}

/** Resolves when it has left this process: false when it never will. */
export const flushMessage = (webSocket: WebSocket, message: string | Uint8Array): Promise<boolean> =>
  new Promise((resolve) => webSocket.send(message, (error) => resolve(!error)))

/** The end that says that everything went as it should; `ws` closes the connection when the client agrees, or 30 s later. */
export const closeNormally = (webSocket: WebSocket): void => webSocket.close(1000)
