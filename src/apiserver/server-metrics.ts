/**
 * What the API server counts, under upstream's names where they mean the same (kubernetes
 * staging/src/k8s.io/apiserver/pkg/endpoints/metrics/metrics.go eed236c). Labels take values of the resource table only: a
 * client can't make series up.
 */
import { groupResourceName } from '../api/meta.ts'
import { groupResourceOf, isStorageVersion, isStored, type ResourceDef } from '../api/resource.ts'
import type { Counter, Histogram, Metrics } from '../base/metrics.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import type { RequestInfo, RequestVerb } from './request-info.ts'
import type { Fairness } from './stages/fairness.ts'
import type { WatchCache } from './watch-cache.ts'

export interface ServerMetrics {
  /** One answered request. `seconds` is undefined for those that last as long as their client likes. */
  record(request: Recorded): void
}

export interface Recorded {
  /** Undefined when the request's line made no sense. */
  readonly info: RequestInfo | undefined
  readonly status: number
  readonly seconds: number | undefined
}

export interface ServerMetricsSources {
  readonly metrics: Metrics
  readonly fairness: Pick<Fairness, 'running' | 'waiting'>
  readonly nodes: Pick<NodeTunnels, 'connected'> | undefined
  readonly findResource: (group: string, version: string, plural: string) => ResourceDef | undefined
  readonly caches: () => Iterable<WatchCache>
}

/** Upstream's, with one more below: most answers of ours take less than five milliseconds. */
export const secondsBuckets = [
  0.001, 0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
]

const requestLabels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const

interface Kind {
  readonly seconds: Histogram
  readonly totals: Map<number, Counter>
}

export function createServerMetrics(sources: ServerMetricsSources): ServerMetrics {
  const { metrics } = sources
  const total = metrics.counter({
    name: 'apiserver_request_total',
    help: 'Requests answered, by verb, resource and HTTP status.',
    labels: [...requestLabels, 'code'],
  })
  const duration = metrics.histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'From the request to its answer, without sending it. Watches and streams are not in it.',
    labels: requestLabels,
    buckets: secondsBuckets,
  })
  observe(sources)
  // Two looks into a Map for each request instead of one for each metric and label.
  const kinds = new Map<string, Kind>()
  return {
    record({ info, seconds, status }) {
      const labels = labelsOf(info, sources)
      const key = labels.join('/')
      let kind = kinds.get(key)
      if (!kind) kinds.set(key, (kind = { seconds: duration.with(...labels), totals: new Map() }))
      if (seconds !== undefined) kind.seconds.observe(seconds)
      let counter = kind.totals.get(status)
      if (!counter) kind.totals.set(status, (counter = total.with(...labels, String(status))))
      counter.add()
    },
  }
}

const verbs: Readonly<Record<RequestVerb, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
  other: 'other',
}

const connects = new Set(['attach', 'exec', 'inspect', 'portforward', 'profile', 'proxy'])
const serverPaths = new Set(['api', 'apis', 'healthz', 'livez', 'metrics', 'openapi', 'readyz', 'version'])
const methods = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])

/** In the order of `requestLabels`. */
function labelsOf(info: RequestInfo | undefined, { findResource }: ServerMetricsSources): readonly string[] {
  if (!info) return ['other', '', '', '', '', '']
  if (!info.isResource) {
    const root = info.path.split('/', 2)[1] ?? ''
    const path = serverPaths.has(root) ? `/${root}` : ''
    return [methods.has(info.method) ? info.method : 'other', '', '', '', path, '']
  }
  const def = findResource(info.group, info.version, info.resource)
  if (!def) return [verbs[info.verb], '', '', '', '', '']
  const isKnown = def.subresources.some(({ name }) => name === info.subresource)
  const subresource = isKnown ? info.subresource : ''
  const verb = connects.has(subresource) ? 'CONNECT' : verbs[info.verb]
  return [verb, def.group, def.version, def.plural, subresource, scopeOf(info)]
}

function scopeOf({ name, namespace, verb }: RequestInfo): string {
  if (name !== '' || verb === 'create') return 'resource'
  return namespace === '' ? 'cluster' : 'namespace'
}

/** What is there already and only has to be read. */
function observe({ caches, fairness, metrics, nodes }: ServerMetricsSources): void {
  const ofCaches = (read: (cache: WatchCache) => number | undefined) => () =>
    [...caches()].flatMap((cache) => {
      const value = isStorageVersion(cache.def) && isStored(cache.def) ? read(cache) : undefined
      return value === undefined ? [] : [{ labels: [groupResourceName(groupResourceOf(cache.def))], value }]
    })
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.observed({ name, help, type: 'gauge' }, () => [{ value: read() }])
  gauge('apiserver_flowcontrol_current_executing_requests', 'Requests that run now.', () => fairness.running)
  gauge(
    'apiserver_flowcontrol_current_inqueue_requests',
    'Requests that wait for their turn.',
    () => fairness.waiting,
  )
  gauge(
    'sampan_node_tunnels',
    'Nodes that this server can reach over a connection that they have dialled.',
    () => nodes?.connected().length ?? 0,
  )
  metrics.observed(
    {
      name: 'apiserver_longrunning_requests',
      help: 'Watches that run now, by resource.',
      type: 'gauge',
      labels: ['verb', 'group', 'version', 'resource'],
    },
    () =>
      [...caches()].map(({ def, watchers }) => ({
        labels: ['WATCH', def.group, def.version, def.plural],
        value: watchers,
      })),
  )
  metrics.observed(
    {
      name: 'apiserver_storage_objects',
      help: 'Objects that the store holds, of the resources whose watch cache is filled.',
      type: 'gauge',
      labels: ['resource'],
    },
    ofCaches((cache) => cache.size),
  )
  metrics.observed(
    {
      name: 'sampan_watch_cache_events',
      help: 'Recent changes in the watch cache, from which a watch can go on.',
      type: 'gauge',
      labels: ['resource'],
    },
    ofCaches((cache) => cache.liveRing?.length),
  )
}
