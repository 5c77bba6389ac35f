/** The seam below the client: one request, one streamed answer. HTTP and in-process transports implement it. */
export interface TransportRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal
}

export interface TransportResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The body's chunks as they arrive. Must be consumed or left by `return()`. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface Transport extends AsyncDisposable {
  /** Rejects with `TransportError` when there is no answer. */
  send(request: TransportRequest): Promise<TransportResponse>
}
