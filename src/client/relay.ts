/**
 * The way to a pod of another machine: a connection to a server, which hands it on over the connection that the pod's node
 * holds to it. `GET /sampan/v1/nodes/NODE/dial?ip&port` with `Upgrade: sampan-tcp`; after the 101, the pod's bytes.
 */
import type { Duplex } from 'node:stream'
import { dataAddressesHeader } from '../api/streams/data-addresses.ts'
import type { Clock } from '../base/clock.ts'
import { LateStream } from '../base/late-stream.ts'
import { DialError, type DialTarget } from './dial.ts'
import type { HttpTransportOptions } from './transport-http.ts'
import { requestUpgrade } from './upgrade-request.ts'

export const relayProtocol = 'sampan-tcp'

export interface RelayOptions {
  /** Who we are. The server named here is not asked unless it is among `servers`. */
  readonly credentials: HttpTransportOptions
  /** Asked in turn until one knows the node; the first is the best guess. */
  readonly servers: () => readonly string[]
  readonly clock: Clock
  /** Called with what a node says of where it listens, each time that it has answered. */
  readonly onAddresses?: (node: string, addresses: string) => void
}

export function createRelay({
  credentials,
  servers,
  clock,
  onAddresses,
}: RelayOptions): (target: DialTarget) => Duplex {
  return (target) => {
    const late = new LateStream()
    const given = new AbortController()
    late.once('close', () => given.abort(new Error('the connection is given up')))
    const open = async () => {
      const problems: string[] = []
      for (const server of servers()) {
        if (late.destroyed) return
        try {
          const { socket, head, headers } = await requestUpgrade({
            credentials: { ...credentials, server },
            path: pathOf(target),
            protocol: relayProtocol,
            clock,
            signal: given.signal,
          })
          onAddresses?.(target.node, String(headers[dataAddressesHeader] ?? ''))
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

function pathOf({ node, podIP, port }: DialTarget): string {
  const query = new URLSearchParams({ ip: podIP, port: String(port) })
  return `/sampan/v1/nodes/${encodeURIComponent(node)}/dial?${query.toString()}`
}
