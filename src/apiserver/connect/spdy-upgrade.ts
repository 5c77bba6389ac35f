/** The head of an answer that switches to SPDY/3.1. */
import type { Duplex } from 'node:stream'
import { badRequest, failure } from '../../api/status.ts'
import type { UpgradeContext } from './upgrade-context.ts'

export const spdyProtocol = 'SPDY/3.1'

/** Of the versions of the streams' meaning that the client offers (X-Stream-Protocol-Version), one of `supported`. */
export function streamProtocolOf({ request }: UpgradeContext, supported: readonly string[]): string {
  const offered = (request.headers['x-stream-protocol-version'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '')
  if (offered.length === 0) throw badRequest('unable to upgrade: X-Stream-Protocol-Version is missing')
  const chosen = supported.find((protocol) => offered.includes(protocol))
  if (chosen !== undefined) return chosen
  throw failure(
    'Forbidden',
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]`,
  )
}

/** A client that has silently gone is found by the kernel within some minutes. */
const keepAliveMs = 30_000

export function switchToSpdy({ socket, head }: UpgradeContext, streamProtocol: string): Duplex {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${spdyProtocol}`,
    `X-Stream-Protocol-Version: ${streamProtocol}`,
  ]
  if ('setKeepAlive' in socket && typeof socket.setKeepAlive === 'function')
    socket.setKeepAlive(true, keepAliveMs)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
  return socket
}
