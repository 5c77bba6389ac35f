/** A request that leaves HTTP: `Upgrade`, and after the 101 a byte stream. */
import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { http } from '../base/node-http.ts'
import { identityOf, type HttpTransportOptions } from './transport-http.ts'

export interface UpgradeRequest {
  /** Of the server that is asked, and who asks. */
  readonly credentials: HttpTransportOptions
  /** With its query. */
  readonly path: string
  readonly protocol: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface Upgraded {
  readonly socket: Duplex
  /** What came behind the answer. */
  readonly head: Buffer
  /** Of the answer. */
  readonly headers: IncomingHttpHeaders
}

const answerTimeoutMs = 10_000
const reasonBytesMax = 4_096

/** Rejects with the server's reason when it does not switch protocols, or has not answered within ten seconds. */
export async function requestUpgrade(options: UpgradeRequest): Promise<Upgraded> {
  const { clock, credentials, path, protocol, signal } = options
  const { connector, server, token } = credentials
  const headers = {
    connection: 'Upgrade',
    upgrade: protocol,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const url = new URL(path, server)
  const isSecure = url.protocol === 'https:'
  const socket =
    isSecure && connector ? await connector.connect(server, identityOf(credentials), signal) : undefined
  return new Promise((resolve, reject) => {
    const request: ClientRequest = socket
      ? httpsRequest(url, { createConnection: () => socket, headers, signal })
      : isSecure
        ? httpsRequest(url, { agent: false, ...identityOf(credentials), headers, signal })
        : http.request(url, { agent: false, headers, signal })
    const cancel = clock.after(answerTimeoutMs, () =>
      request.destroy(new Error(`no answer from ${server} within ${answerTimeoutMs} ms`)),
    )
    request.once('upgrade', ({ headers: answered }, upgraded, head) => {
      cancel()
      resolve({ socket: upgraded, head, headers: answered })
    })
    request.once('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text.slice(0, reasonBytesMax - body.length)))
      response.once('close', () => {
        cancel()
        reject(new Error(reasonOf(body) ?? `${server} answered ${response.statusCode}`))
      })
    })
    request.once('error', (error) => {
      cancel()
      reject(error)
    })
    request.end()
  })
}

/** The message of a Status. */
function reasonOf(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined // not from an API server: its status code has to do
  }
}
