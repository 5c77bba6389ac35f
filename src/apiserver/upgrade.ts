/** Answers on a raw socket that was to be upgraded. */
import type { Duplex } from 'node:stream'
import { http } from '../base/node-http.ts'
import type { StatusError } from '../api/status.ts'

export function refuseUpgrade(socket: Duplex, { status }: StatusError): void {
  const body = JSON.stringify(status)
  const seconds = status.details?.retryAfterSeconds
  const head = [
    `HTTP/1.1 ${status.code} ${http.STATUS_CODES[status.code] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(seconds === undefined ? [] : [`Retry-After: ${seconds}`]),
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
