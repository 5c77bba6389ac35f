/**
 * The way to a pod of another machine: a connection to a server, which hands it on over the connection that the pod's node
 * holds to it. `GET /sampan/v1/nodes/NODE/dial?ip&port` with `Upgrade: sampan-tcp`; after the 101, the pod's bytes.
 */
import type { ClientRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { LateStream } from '../base/late-stream.ts'
import { http } from '../base/node-http.ts'
import { DialError, type DialTarget } from './dial.ts'
import type { HttpTransportOptions } from './transport-http.ts'

export const relayProtocol = 'sampan-tcp'

export interface RelayOptions {
  /** Who we are. The server named here is not asked unless it is among `servers`. */
  readonly credentials: HttpTransportOptions
  /** Asked in turn until one knows the node; the first is the best guess. */
  readonly servers: () => readonly string[]
  readonly clock: Clock
}

const answerTimeoutMs = 10_000
const reasonBytesMax = 4_096

export function createRelay({ credentials, servers, clock }: RelayOptions): (target: DialTarget) => Duplex {
  return (target) => {
    const late = new LateStream()
    const given = new AbortController()
    late.once('close', () => given.abort(new Error('the connection is given up')))
    const open = async () => {
      const problems: string[] = []
      for (const server of servers()) {
        if (late.destroyed) return
        try {
          const { socket, head } = await upgrade({ ...credentials, server }, target, {
            clock,
            signal: given.signal,
          })
          return late.attach(socket, head)
        } catch (error) {
          problems.push(error instanceof Error ? error.message : String(error))
        }
      }
      const why = problems.join('; ') || 'no server is known'
      late.destroy(new DialError(`pod ${target.podIP} on node ${target.node} can't be reached: ${why}`))
    }
    void open()
    return late
  }
}

interface Upgraded {
  readonly socket: Duplex
  readonly head: Uint8Array
}

function upgrade(
  { server, ca, cert, key, token }: HttpTransportOptions,
  { node, podIP, port }: DialTarget,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Upgraded> {
  const query = new URLSearchParams({ ip: podIP, port: String(port) })
  const url = new URL(`/sampan/v1/nodes/${encodeURIComponent(node)}/dial?${query.toString()}`, server)
  const headers = {
    connection: 'Upgrade',
    upgrade: relayProtocol,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  return new Promise((resolve, reject) => {
    const request: ClientRequest =
      url.protocol === 'https:'
        ? httpsRequest(url, { agent: false, ca, cert, key, headers, signal })
        : http.request(url, { agent: false, headers, signal })
    const cancel = clock.after(answerTimeoutMs, () =>
      request.destroy(new Error(`no answer from ${server} within ${answerTimeoutMs} ms`)),
    )
    request.once('upgrade', (_response, socket, head) => {
      cancel()
      resolve({ socket, head })
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
