/**
 * The other end of `client/carrier.ts`: a WebSocket within which somebody speaks TLS with us. Nobody is asked who they are
 * before that, as at the TLS port itself: what comes out of the WebSocket is a connection to that port.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { badRequest, serviceUnavailable, tooManyRequests } from '../api/status.ts'
import { inMessages, messageBytesMax } from '../base/message-stream.ts'
import { refuseUpgrade } from './upgrade.ts'

const carrierPath = '/sampan/v1/tls'
const carrierProtocol = 'sampan-tls'
/** As many as there may be connections. */
const carriersMax = 10_000

export interface Carriers {
  /** Takes the socket over if this is what the request is about. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
}

/** `deliver` is given each connection that was carried here; unset: there is no TLS port. */
export function createCarriers(deliver: ((stream: Duplex) => void) | undefined): Carriers {
  let count = 0
  const carry = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!deliver) return refuseUpgrade(socket, serviceUnavailable('this server does not listen with TLS'))
    if (count >= carriersMax)
      return refuseUpgrade(
        socket,
        tooManyRequests(`this server already carries ${carriersMax} connections`, 5),
      )
    count++
    socket.once('close', () => count--)
    const { createWebSocketStream, WebSocketServer } = await import('ws')
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: messageBytesMax,
      handleProtocols: (offered) => (offered.has(carrierProtocol) ? carrierProtocol : false),
    })
    server.once('wsClientError', (error) =>
      refuseUpgrade(socket, badRequest(`no WebSocket handshake: ${error.message}`)),
    )
    server.handleUpgrade(request, socket, head, (webSocket) =>
      deliver(inMessages(createWebSocketStream(webSocket))),
    )
  }
  return {
    accept(request, socket, head) {
      if (request.url?.split('?')[0] !== carrierPath) return false
      void carry(request, socket, head)
      return true
    },
  }
}
