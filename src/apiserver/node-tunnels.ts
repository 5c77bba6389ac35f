/**
 * The way to a node: connections that its agent dialled to us and on which it serves HTTP/2, so that we are the
 * HTTP/2 client on a socket we accepted. One for control, one for bulk data, so that a lease renewal never queues behind a log.
 */
import type { Duplex } from 'node:stream'

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

export interface NodeTunnels extends AsyncDisposable {
  /** Takes ownership of a socket that has been upgraded. Replaces the node's older connection for that channel. */
  accept(node: string, channel: TunnelChannel, socket: Duplex, head: Uint8Array): void
  /** Throws `ServiceUnavailable` when the node has no tunnel, or it breaks before the answer's head. */
  requestNode(node: string, request: NodeRequest): Promise<NodeResponse>
  /** Names of the nodes with a live connection. */
  connected(): readonly string[]
}
