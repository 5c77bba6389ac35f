/** What everything in this room stands on: the store, the time, and what is served. */
import type { ResourceDef } from '../api/resource.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Store } from '../store/store.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import type { NodeUsage } from './node-usage.ts'
import type { Slices } from './slices.ts'
import type { WatchCache } from './watch-cache.ts'
import type { Yaml } from './yaml.ts'

export interface Foundation {
  readonly store: Store
  readonly clock: Clock
  /** The time as Kubernetes writes it. */
  nowIso(): string
  readonly random: Random
  readonly logger: Logger
  readonly nodes: NodeTunnels | undefined
  readonly usage: NodeUsage
  readonly slices: Slices
  readonly yaml: Yaml
  /** The one cache of a resource, not necessarily loaded. */
  cacheOf(def: ResourceDef): WatchCache
  findResource(group: string, version: string, plural: string): ResourceDef | undefined
}
