/** A request and its answer without a socket, and who asks. */
export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** The subject of a client certificate that the listener has verified against its CA. */
export interface ClientCertificate {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Base64 of the DER public key; of a machine that joined by the list of keys only. */
  readonly publicKey?: string
}

/** A `TransportRequest` of `client/` is one. */
export interface ApiRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The values of each `impersonate-` header as they were sent. In `headers` those that were sent more than once are joined by
   * commas, which may be part of a value. Absent: none was sent twice.
   */
  readonly headerLists?: Readonly<Record<string, readonly string[]>> | undefined
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** Aborts when the client is gone; ends watches and log follows. */
  readonly signal?: AbortSignal | undefined
  /** An identity that is already established: in-process callers only, a listener never sets it. */
  readonly user?: UserInfo
  readonly clientCertificate?: ClientCertificate | undefined
  /**
   * Base64 of the DER public key of a client certificate that nobody we know has signed. The client has shown that it holds
   * the private key, and nothing else.
   */
  readonly presentedKey?: string | undefined
}

/** A `TransportResponse` of `client/` is one. */
export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `Set-Cookie` of an app behind a proxy: the one header that can't be joined to one. */
  readonly cookies?: readonly string[]
  /** Must be consumed or left by `return()`. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Who is asking. Undefined when the request carries no credentials; throws `unauthorized` for bad ones. */
export type Authenticate = (request: ApiRequest) => UserInfo | undefined
