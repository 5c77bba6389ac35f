/** What a verb works with: the request in all its parsed forms, and the machinery behind it. */
import type { ResourceDef } from '../api/resource.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './stages/access.ts'
import type { Admission } from './stages/admit.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import type { NodeUsage } from './node-usage.ts'
import type { RequestInfo } from './request-info.ts'
import type { ApiRequest, ApiResponse, UserInfo } from './http.ts'
import type { WatchCache } from './watch-cache.ts'

export interface Machinery {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly nodes: NodeTunnels | undefined
  readonly usage: NodeUsage
  readonly access: Access
  readonly admission: Admission
  /** The one cache of a resource, not necessarily loaded. */
  cacheOf(def: ResourceDef): WatchCache
  findResource(group: string, version: string, plural: string): ResourceDef | undefined
}

export interface VerbContext {
  readonly machinery: Machinery
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly def: ResourceDef
  readonly user: UserInfo
  /** Aborts when the client has gone or the server ends. */
  readonly signal: AbortSignal
  /** Becomes `Warning` headers. */
  readonly warnings: string[]
}

export type VerbHandler = (context: VerbContext) => Promise<ApiResponse>
