/**
 * A byte stream to a server inside of a WebSocket, for places where something in between ends TLS and lets only requests and
 * WebSockets through: a reverse proxy in front of the server, a firewall that looks into what passes. TLS with the server
 * itself runs within, so that whoever is in between carries bytes, and both ends still know each other by certificate.
 */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { inMessages, messageBytesMax } from '../base/message-stream.ts'
import { formatHostPort, type HostPort } from './http-proxy.ts'

/** The server's end is `apiserver/carrier.ts`. */
const carrierPath = '/sampan/v1/tls'
const carrierProtocol = 'sampan-tls'
/** Proxies drop what is silent for a minute. */
const pingMs = 20_000

/** Owns `outer`, a connection to whoever answers at `target`. */
export async function openCarrier(outer: Duplex, target: HostPort, clock: Clock): Promise<Duplex> {
  const { createWebSocketStream, WebSocket } = await import('ws')
  const webSocket = new WebSocket(`wss://${formatHostPort(target)}${carrierPath}`, carrierProtocol, {
    createConnection: () => outer,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
  })
  try {
    await once(webSocket, 'open')
  } catch (error) {
    outer.destroy()
    throw error
  }
  const stopPings = clock.every(pingMs, () => webSocket.ping())
  webSocket.once('close', stopPings)
  return inMessages(createWebSocketStream(webSocket))
}
