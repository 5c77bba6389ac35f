/**
 * What the Endpoints of a service should hold: the older form of its EndpointSlices, which Prometheus and others still
 * read. Pure. As in kubernetes pkg/controller/endpoint eed236c.
 */
import { isEqual } from '../api/equal.ts'
import { isTerminating } from '../api/meta.ts'
import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSubset,
  Pod,
  Service,
} from '../api/schema/types.gen.ts'
import { portsFor } from './endpoint-slice-plan.ts'
import { isPodFinished, isPodReady } from './pod-facts.ts'

/** All addresses are in one object: upstream's limit, beyond which EndpointSlices alone tell them all. */
export const addressesMax = 1_000

const managedByLabel = 'endpoints.kubernetes.io/managed-by'
const managedBy = 'endpoint-controller'
const headlessLabel = 'service.kubernetes.io/headless'
const truncated = { 'endpoints.kubernetes.io/over-capacity': 'truncated' }

export const isManagedEndpoints = ({ metadata }: Endpoints): boolean =>
  metadata.labels?.[managedByLabel] === managedBy

/** Undefined: what is there is as it should be. */
export function planEndpoints(
  service: Service,
  selected: readonly Pod[],
  existing: Endpoints | undefined,
): Endpoints | undefined {
  const all = subsetsOf(service, selected)
  const subsets = cut(all)
  const { name = '', namespace } = service.metadata
  const annotations = { ...existing?.metadata.annotations }
  for (const key of Object.keys(truncated)) delete annotations[key]
  if (subsets !== all) Object.assign(annotations, truncated)
  const metadata: Endpoints['metadata'] = {
    ...(existing?.metadata ?? { name, ...(namespace !== undefined && { namespace }) }),
    labels: labelsFor(service),
    annotations,
  }
  if (existing && isSame(existing, { metadata, subsets })) return undefined
  return { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets }
}

const isSame = (existing: Endpoints, wanted: Pick<Endpoints, 'metadata' | 'subsets'>): boolean =>
  isEqual(existing.subsets ?? [], wanted.subsets ?? []) &&
  isEqual(existing.metadata.labels ?? {}, wanted.metadata.labels) &&
  isEqual(existing.metadata.annotations ?? {}, wanted.metadata.annotations)

const labelsFor = ({ metadata, spec }: Service): Record<string, string> => ({
  ...metadata.labels,
  ...(spec.clusterIP === 'None' && { [headlessLabel]: '' }),
  [managedByLabel]: managedBy,
})

interface Group {
  readonly ports: EndpointPort[]
  readonly ready: EndpointAddress[]
  readonly notReady: EndpointAddress[]
}

/** Pods with the same ports are one subset. */
function subsetsOf(service: Service, selected: readonly Pod[]): EndpointSubset[] {
  const { ports: wanted = [], publishNotReadyAddresses = false } = service.spec
  const groups = new Map<string, Group>()
  const inOrder = selected.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  for (const pod of inOrder) {
    const ip = pod.status?.podIP
    if (!ip || isPodFinished(pod) || (isTerminating(pod) && !publishNotReadyAddresses)) continue
    const ports = portsFor(service, pod).map(({ name, port = 0, ...more }) => ({
      ...(name && { name }),
      port,
      ...more,
    }))
    if (ports.length === 0 && wanted.length > 0) continue
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] }
    groups.set(key, group)
    const address = addressOf(service, pod, ip)
    if (publishNotReadyAddresses || isPodReady(pod)) group.ready.push(address)
    else group.notReady.push(address)
  }
  return [...groups.values()].map(subsetOf)
}

const subsetOf = ({ notReady, ports, ready }: Group): EndpointSubset => ({
  ...(ready.length > 0 && { addresses: ready }),
  ...(notReady.length > 0 && { notReadyAddresses: notReady }),
  ...(ports.length > 0 && { ports }),
})

function addressOf(service: Service, { metadata, spec }: Pod, ip: string): EndpointAddress {
  const { name = '', namespace = '', uid = '' } = metadata
  const { hostname, nodeName, subdomain } = spec
  return {
    ip,
    ...(hostname && subdomain === service.metadata.name && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

/** The same array when everything fits; else those that are ready first. */
function cut(subsets: EndpointSubset[]): EndpointSubset[] {
  const count = ({ addresses = [], notReadyAddresses = [] }: EndpointSubset) =>
    addresses.length + notReadyAddresses.length
  if (subsets.reduce((sum, subset) => sum + count(subset), 0) <= addressesMax) return subsets
  let room = addressesMax
  const take = (addresses: readonly EndpointAddress[]) => {
    const taken = addresses.slice(0, room)
    room -= taken.length
    return taken
  }
  const ready = subsets.map(({ addresses = [] }) => take(addresses))
  return subsets.flatMap(({ notReadyAddresses = [], ports = [] }, at) => {
    const subset = subsetOf({ ready: ready[at] ?? [], notReady: take(notReadyAddresses), ports })
    return count(subset) > 0 ? [subset] : []
  })
}
