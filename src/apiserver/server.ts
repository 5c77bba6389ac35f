/**
 * The API server: HTTP in, store out. It promises the Kubernetes API over whatever `ResourceDef`s it is given, and
 * names no kind except where the API itself does (pods' log and binding, a namespace's finalizers, a service's address).
 * It never reconciles anything and never calls another room.
 *
 * A request flows through: `request-info.ts` (what is asked) → `stages/authenticate.ts` → `stages/authorize.ts` →
 * `discovery.ts` and `health.ts`, or `registry.ts`, which picks one of `verbs/*.ts`. Reads and watches come from
 * `watch-cache.ts`. `listen.ts` puts all of it on sockets; `handle` needs none.
 */
import type { Duplex } from 'node:stream'
import type { ResourceDef } from '../api/resource.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Store } from '../store/store.ts'
import type { NodeTunnels } from './node-tunnels.ts'

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
}

/** A `TransportRequest` of `client/` is one. */
export interface ApiRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  /** Aborts when the client is gone; ends watches and log follows. */
  readonly signal?: AbortSignal
  /** An identity that is already established: in-process callers only, a listener never sets it. */
  readonly user?: UserInfo
  readonly clientCertificate?: ClientCertificate
}

/** A `TransportResponse` of `client/` is one. */
export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Must be consumed or left by `return()`. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Who is asking. Undefined when the request carries no credentials; throws `unauthorized` for bad ones. */
export type Authenticate = (request: ApiRequest) => Promise<UserInfo | undefined>

export interface ApiServerOptions {
  /** Not owned: dispose of the server before the store. */
  readonly store: Store
  readonly resources: readonly ResourceDef[]
  readonly authenticate: Authenticate
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where logs come from; without it pods/log answers that no node is connected. */
  readonly nodes?: NodeTunnels
  /** Plurals whose watch cache starts at once instead of at first use. */
  readonly eager?: readonly string[]
}

export interface ApiServer extends AsyncDisposable {
  /** Never rejects: whatever goes wrong is an answer with a Status body. Works without a socket. */
  handle(request: ApiRequest): Promise<ApiResponse>
  /** An HTTP/1.1 `Upgrade`: authenticates and hands the socket on, or answers on it and ends it. Owns the socket. */
  upgrade(request: ApiRequest, socket: Duplex, head: Uint8Array): Promise<void>
}
