/** What every part of the agent is given. */
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Client } from '../client/client.ts'
import type { EventRecorder } from '../client/events.ts'
import type { PackageCache } from '../runtime/packages/cache.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Pressure } from './eviction-thresholds.ts'
import type { LogLimits } from './log-files.ts'
import type { MountSupport } from './mounts.ts'
import type { ObjectSource } from './object-source.ts'
import type { RunOnceLease } from './run-once-lease.ts'
import type { SandboxPolicy } from './sandbox-level.ts'
import type { ApiAddress } from './service-env.ts'
import type { TokenSource } from './service-account-tokens.ts'

export interface NodeContext {
  readonly client: Client
  readonly runtime: Runtime
  readonly packages: PackageCache
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly recorder: EventRecorder
  readonly objects: ObjectSource
  readonly tokens: TokenSource
  /** Where pods reach the API; without it they are not told. */
  readonly apiServer: ApiAddress | undefined
  /** Where pods ask for what only the cluster knows; without it they can't. */
  readonly networkSocket: string | undefined
  readonly nodeName: string
  readonly dataDir: string
  /** Secret files live below it; memory-backed where the machine has such a file system. */
  readonly memoryDir: string
  readonly hostIP: string
  readonly loopbackBlock: string
  readonly allocatable: Readonly<Record<string, string>>
  readonly logLimits: LogLimits
  readonly mountSupport: MountSupport
  /** Pods may bring commands of their own, beside what their packages run. */
  readonly customCommands: boolean
  /** By default pods have no sandbox. */
  readonly sandboxPolicy?: SandboxPolicy
  readonly runOnceLease: RunOnceLease
  /** PATH of apps, after the package's own tools. */
  readonly basePath: string
  /** The node's range of pod addresses; undefined until a controller has assigned one. */
  readonly podCIDR: () => string | undefined
  readonly onDiskFull: () => void
  /** What the machine has too little of. */
  readonly pressure: () => Pressure
}
