/**
 * The API server: HTTP in, store out. It promises the Kubernetes API over whatever `ResourceDef`s it is given, and
 * names no kind except where the API itself does (pods' log and binding, a namespace's finalizers, a service's address).
 * It never reconciles anything and never calls another room.
 *
 * A request flows through: `request-info.ts` (what is asked) → `stages/access.ts` (who asks, and may they) →
 * `stages/fairness.ts` (whose turn it is; `stages/stream-bounds.ts` counts what takes none) → `discovery.ts` and `health.ts`, or `registry.ts`, which picks one of `verbs/*.ts`. Reads and watches come from
 * `watch-cache.ts`. `listen.ts` puts all of it on sockets; `handle` needs none.
 */
import type { Duplex } from 'node:stream'
import { isStored, type ResourceDef } from '../api/resource.ts'
import { badRequest, internal, isStatusError, type StatusError, unknownResource } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { createMetrics, type Metrics } from '../base/metrics.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { isStoreError, type Store } from '../store/store.ts'
import { bootstrap } from './bootstrap.ts'
import { withProtocolToken } from './connect/protocol-token.ts'
import { createUpgrades } from './connect/upgrades.ts'
import type { Machinery, VerbContext } from './context.ts'
import { resourceId, ResourceTable } from './crd-table.ts'
import type { HealthChecks } from './health.ts'
import type { ApiRequest, ApiResponse, Authenticate, ClientCertificate, UserInfo } from './http.ts'
import { measuredStore } from './measured-store.ts'
import { isoClock } from './metadata.ts'
import { nodeDialTarget, nodeTunnelTarget, serveDial } from './node-upgrade.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import { createNodeUsage } from './node-usage.ts'
import { serverPaths, type OwnPaths, type ServerPaths } from './paths.ts'
import { dispatch, virtualResources } from './registry.ts'
import { requestInfoOf, type RequestInfo } from './request-info.ts'
import { errorResponse } from './respond.ts'
import { createServerMetrics, type ServerMetrics } from './server-metrics.ts'
import { createAccess } from './stages/access.ts'
import { admissionOf, type AdmissionStep } from './stages/admit.ts'
import { bootstrapRoles } from './stages/bootstrap-roles.ts'
import { createFairness, flowOf, isLongRunning, type Fairness } from './stages/fairness.ts'
import { certificateRequests } from './stages/certificate-requests.ts'
import { namespaceLifecycle } from './stages/namespace-lifecycle.ts'
import { limitRanger } from './stages/limit-ranger.ts'
import { nodeRestriction } from './stages/node-restriction.ts'
import { priority } from './stages/priority.ts'
import { resourceQuota } from './stages/resource-quota.ts'
import { roleEscalation } from './stages/role-escalation.ts'
import { serviceAddresses } from './stages/service-addresses.ts'
import { serviceAccount } from './stages/service-account.ts'
import type { TokenSigner } from './stages/service-account-tokens.ts'
import { createStreamBounds, streamLimits } from './stages/stream-bounds.ts'
import { statusOfStoreError } from './store-errors.ts'
import { StoreFeed } from './store-feed.ts'
import { refuseUpgrade } from './upgrade.ts'
import { warningHeader } from './warnings.ts'
import { WatchCache } from './watch-cache.ts'
import { createYaml } from './yaml.ts'

export type { ApiRequest, ApiResponse, Authenticate, ClientCertificate, UserInfo } from './http.ts'

export interface ApiServerOptions {
  /** Not owned: dispose of the server before the store. */
  readonly store: Store
  readonly resources: readonly ResourceDef[]
  readonly authenticate: Authenticate
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where logs come from; without it pods/log answers that no node is connected. Not owned. */
  readonly nodes?: NodeTunnels
  /** Signs service accounts' tokens. Without it there are none, and pods get no account. */
  readonly signer?: TokenSigner
  /** Makes the roles and bindings that every cluster has; requests of others than masters wait for them. Default: no. */
  readonly defaultRoles?: boolean
  /** Where to count. Served at `/metrics`, with whatever else is in it. Default: one of its own. */
  readonly metrics?: Metrics
  /** Default: none. */
  readonly ownPaths?: OwnPaths
  /** Plurals whose watch cache is filled before the server opens instead of at first use. */
  readonly eager?: readonly string[]
}

export interface ApiServer extends AsyncDisposable {
  /** Never rejects: whatever goes wrong is an answer with a Status body. Works without a socket. */
  handle(request: ApiRequest): Promise<ApiResponse>
  /** An HTTP/1.1 `Upgrade`: authenticates and hands the socket on, or answers on it and ends it. Owns the socket. */
  upgrade(request: ApiRequest, socket: Duplex, head: Uint8Array): Promise<void>
  /** Whether who has shown the certificate is still let in. */
  isIn(certificate: ClientCertificate): Promise<boolean>
}

/** Steps in order; each sees what the ones before it have changed. */
const admissionSteps = ({ signer }: ApiServerOptions): readonly AdmissionStep[] => [
  namespaceLifecycle,
  ...(signer ? [serviceAccount] : []),
  limitRanger(),
  priority(),
  nodeRestriction,
  certificateRequests,
  roleEscalation,
  serviceAddresses,
  // Last: what it takes is given back when a later step refuses, and there is none.
  resourceQuota(),
]

/** Resolves when the system namespaces exist and the eager caches are filled. Rejects when the store can't be read. */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, logger, nodes, random, resources } = options
  const metrics = options.metrics ?? createMetrics()
  const store = measuredStore(options.store, metrics, clock)
  const feed = await StoreFeed.open({ store, clock, random, logger })
  const { caches, cacheOf } = watchCaches(feed)
  const ending = new AbortController()
  const table = new ResourceTable({
    builtin: resources,
    clock,
    random,
    logger,
    signal: ending.signal,
    onChange: (id, def) => (def ? caches.get(id)?.redefine(def) : caches.get(id)?.close()),
  })
  const rolesMade = deferred()
  const yaml = createYaml(clock)
  const machinery: Machinery = {
    store,
    clock,
    nowIso: isoClock(clock),
    random,
    logger,
    nodes,
    usage: createNodeUsage({ nodes, clock, logger }),
    slices: feed.slices,
    yaml,
    get access() {
      return access
    },
    admission: admissionOf(admissionSteps(options)),
    findResource: (group, version, plural) => table.find(group, version, plural),
    cacheOf,
  }
  const access = createAccess(machinery, {
    authenticate: options.authenticate,
    signer: options.signer,
    rolesMade: options.defaultRoles ? rolesMade.promise : undefined,
  })
  const checks = healthChecks(store, ending.signal)
  const paths = serverPaths(table, { checks, metrics, signer: options.signer, own: options.ownPaths })
  const fairness = createFairness()
  const watched = { nodes, findResource: table.find.bind(table), caches: () => caches.values() }
  const counted = createServerMetrics({ metrics, fairness, ...watched })
  const server = new Server(options, machinery, paths, { ending, table, fairness, counted })
  const eager = resources.filter(
    (def) => isStored(def) && !def.storage && options.eager?.includes(def.plural),
  )
  try {
    if (table.definitions) await table.follow(machinery.cacheOf(table.definitions))
    await bootstrap(server, resources)
    await Promise.all(eager.map((def) => machinery.cacheOf(def).ready()))
  } catch (error) {
    ending.abort()
    await feed[Symbol.asyncDispose]()
    throw error
  }
  // Behind the start: masters don't need them, others wait.
  const making = options.defaultRoles
    ? bootstrapRoles(server, machinery)
        .catch((error: unknown) => logger.error('the default roles could not be made', { error }))
        .finally(() => rolesMade.resolve())
    : undefined
  server.onDispose(async () => {
    await making
    await yaml[Symbol.asyncDispose]()
    await feed[Symbol.asyncDispose]()
  })
  return server
}

/** Each version its own: a cache holds what it serves. A resource that is defined anew keeps its cache. */
function watchCaches(feed: StoreFeed) {
  const caches = new Map<string, WatchCache>()
  const byDef = new WeakMap<ResourceDef, WatchCache>()
  const cacheOf = (def: ResourceDef): WatchCache => {
    const known = byDef.get(def)
    if (known) return known
    const id = resourceId(def)
    const cache = caches.get(id) ?? new WatchCache(def, feed)
    caches.set(id, cache)
    byDef.set(def, cache)
    return cache
  }
  return { caches, cacheOf }
}

function healthChecks(store: Store, ending: AbortSignal): HealthChecks {
  const storeCheck = { name: 'store', check: async () => void (await store.current()) }
  const ping = { name: 'ping', check: async () => {} }
  const shutdown = { name: 'shutdown', check: async () => ending.throwIfAborted() }
  return { livez: [ping], readyz: [ping, storeCheck, shutdown] }
}

interface Asked {
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly user: UserInfo
  /** What serves it. */
  readonly def: ResourceDef
}

interface ServerState {
  readonly ending: AbortController
  readonly table: ResourceTable
  readonly fairness: Fairness
  readonly counted: ServerMetrics
}

class Server implements ApiServer {
  readonly #upgrades = createUpgrades()
  readonly #streams = createStreamBounds(streamLimits)
  readonly #fairness: Fairness
  readonly #counted: ServerMetrics
  readonly #options: ApiServerOptions
  readonly #machinery: Machinery
  readonly #paths: ServerPaths
  readonly #ending: AbortController
  readonly #table: ResourceTable
  #dispose: () => Promise<void> = async () => {}

  constructor(options: ApiServerOptions, machinery: Machinery, paths: ServerPaths, state: ServerState) {
    this.#options = options
    this.#machinery = machinery
    this.#paths = paths
    this.#ending = state.ending
    this.#table = state.table
    this.#fairness = state.fairness
    this.#counted = state.counted
  }

  onDispose(dispose: () => Promise<void>): void {
    this.#dispose = dispose
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#dispose()
  }

  async handle(request: ApiRequest): Promise<ApiResponse> {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    let info: RequestInfo | undefined
    let response: ApiResponse
    try {
      const asked = requestInfoOf(request.method, request.path)
      info = asked
      const user = await this.#machinery.access.enter(request, asked)
      response = await this.#inTurn(request, asked, user)
    } catch (error) {
      // Nobody reads the answer; a body that broke off is no failure of ours.
      const isGone = request.signal?.aborted === true
      response = errorResponse(isGone ? badRequest('the client went away') : this.#statusOf(error, info))
    }
    const seconds = info && isLongRunning(info) ? undefined : (clock.monotonicMs() - startMs) / 1_000
    this.#counted.record({ info, status: response.status, seconds })
    return response
  }

  #inTurn(request: ApiRequest, info: RequestInfo, user: UserInfo): Promise<ApiResponse> {
    const route = () => this.#route(request, info, user)
    if (isLongRunning(info)) return this.#streams.serve(request, user, route)
    const flow = flowOf(user, info)
    return flow === undefined ? route() : this.#fairness.run(flow, route, request)
  }

  isIn(certificate: ClientCertificate): Promise<boolean> {
    return this.#machinery.access.isIn(certificate)
  }

  async upgrade(request: ApiRequest, socket: Duplex, head: Uint8Array): Promise<void> {
    let info: RequestInfo | undefined
    try {
      info = requestInfoOf(request.method, request.path)
      const presented = withProtocolToken(request)
      const user = await this.#machinery.access.enter(presented, info, { isUpgrade: true })
      const target = nodeTunnelTarget(presented, info, user)
      const { nodes } = this.#options
      if (target && nodes) return nodes.accept(target.node, target.channel, socket, head)
      const dialled = nodeDialTarget(presented, info)
      if (dialled && nodes) return await serveDial(nodes, dialled, { socket, head })
      if (!info.isResource) throw unknownResource()
      const def = this.#find(info, info.resource) ?? (await this.#findLately(info, info.resource))
      const context = this.#contextOf({ request: presented, info, user, def })
      await this.#upgrades.serve(context, socket, head)
      this.#counted.record({ info, status: 101, seconds: undefined })
    } catch (error) {
      const refusal = this.#statusOf(error, undefined)
      this.#counted.record({ info, status: refusal.status.code, seconds: undefined })
      refuseUpgrade(socket, refusal)
    }
  }

  async #route(request: ApiRequest, info: RequestInfo, user: UserInfo): Promise<ApiResponse> {
    if (!info.isResource) return this.#paths.serve(request, info)
    const virtual = virtualHandler(info)
    const plural = virtual ? 'pods' : info.resource
    const def = this.#find(info, plural) ?? (await this.#findLately(info, plural))
    const context = this.#contextOf({ request, info, user, def })
    return withWarnings(await (virtual ? virtual(context) : dispatch(context)), context.warnings)
  }

  #find({ group, version }: RequestInfo, plural: string): ResourceDef | undefined {
    return this.#table.find(group, version, plural)
  }

  /** It may have been defined a moment ago. */
  async #findLately(info: RequestInfo, plural: string): Promise<ResourceDef> {
    await this.#table.caughtUp()
    const def = this.#find(info, plural)
    if (!def) throw unknownResource()
    return def
  }

  #contextOf(asked: Asked): VerbContext {
    return new RequestContext(this.#machinery, asked, this.#ending.signal)
  }

  #statusOf(error: unknown, info: RequestInfo | undefined): StatusError {
    if (isStatusError(error)) return error
    const { logger, random } = this.#options
    const resource = { group: info?.group ?? '', resource: info?.resource ?? '' }
    const request = { method: info?.method, path: info?.path, requestId: random.uuid() }
    if (isStoreError(error)) {
      logger.warn('the store refused a request', { ...request, code: error.code, error })
      return statusOfStoreError(error, resource, info?.name ?? '')
    }
    logger.error('a request failed for an unforeseen reason', { ...request, error, stack: stackOf(error) })
    // The cause may name files and hosts: the log has it, the client gets the id to find it by.
    return internal(
      new Error(`unforeseen failure; the server's log has the cause under request id ${request.requestId}`),
    )
  }
}

/** Of a class of its own: an object with a getter that is made anew each time is a slow one. */
class RequestContext implements VerbContext {
  readonly machinery: Machinery
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly def: ResourceDef
  readonly user: UserInfo
  readonly warnings: string[] = []
  readonly #ended: AbortSignal

  constructor(machinery: Machinery, { request, info, def, user }: Asked, ended: AbortSignal) {
    this.machinery = machinery
    this.request = request
    this.info = info
    this.def = def
    this.user = user
    this.#ended = ended
  }

  /** Made for those who ask: most requests are over before anything could abort. */
  get signal(): AbortSignal {
    const { signal } = this.request
    return signal ? AbortSignal.any([signal, this.#ended]) : this.#ended
  }
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)

/** POST to `/bindings`, with the pod's name in the body. */
function virtualHandler(
  info: RequestInfo,
): (typeof virtualResources)[keyof typeof virtualResources] | undefined {
  const isVirtual =
    info.group === '' && info.resource === 'bindings' && info.verb === 'create' && info.name === ''
  return isVirtual && info.namespace !== '' ? virtualResources.bindings : undefined
}

const withWarnings = (response: ApiResponse, warnings: readonly string[]): ApiResponse =>
  warnings.length === 0
    ? response
    : { ...response, headers: { ...response.headers, warning: warningHeader(warnings) } }
