/**
 * What the EndpointSlices of a service should hold, given its pods and the slices there are. Pure. Endpoints stay in
 * the slice they are in, so that a change of one pod rewrites one slice and no reader sees another pod vanish.
 * As in kubernetes staging/src/k8s.io/endpointslice.
 */
import type {
  DiscoveryEndpointPort,
  Endpoint,
  EndpointSlice,
  Pod,
  Service,
  ServicePort,
} from '../api/schema/types.gen.ts'
import { isEqual } from '../api/equal.ts'
import { isTerminating } from '../api/meta.ts'
import { newControllerRef } from '../api/owner-references.ts'
import { isPodFinished, isPodReady } from './pod-facts.ts'

/** Endpoints in one slice; upstream's default, and what clients are known to cope with. */
export const sliceEndpointsMax = 100

const managedBy = 'endpointslice-controller.k8s.io'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'

export interface SlicePlan {
  readonly create: readonly EndpointSlice[]
  readonly update: readonly EndpointSlice[]
  readonly remove: readonly EndpointSlice[]
}

/** A slice owned by the service that somebody else looks after is not ours to touch. */
export const isManaged = ({ metadata }: EndpointSlice): boolean =>
  metadata.labels?.[managedByLabel] === managedBy

export function planSlices(
  service: Service,
  selected: readonly Pod[],
  existing: readonly EndpointSlice[],
): SlicePlan {
  const labels = labelsFor(service)
  const groups = groupsOf(service, selected)
  // One empty slice says "no endpoints" where no slice would say "not looked at yet".
  const wanted = groups.length > 0 ? groups : [{ ports: [], endpoints: [] }]
  const free = new Set(existing)
  const plan = { create: [] as EndpointSlice[], update: [] as EndpointSlice[] }
  for (const { ports, endpoints } of wanted) {
    const same = [...free].filter((slice) => isEqual(slice.ports ?? [], ports))
    for (const content of spread(endpoints, same)) {
      // With no slice of these ports left, one that nobody needs any more is filled anew.
      const slice = content.slice ?? [...free].find((candidate) => !isWanted(candidate, wanted))
      if (slice) free.delete(slice)
      const next = { ...(slice ?? emptySlice(service)), ports, endpoints: content.endpoints }
      const labeled = { ...next, metadata: { ...next.metadata, labels } }
      if (!slice) plan.create.push(labeled)
      else if (!isSame(slice, labeled)) plan.update.push(labeled)
    }
  }
  return { ...plan, remove: [...free] }
}

interface Group {
  readonly ports: DiscoveryEndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

const isWanted = (slice: EndpointSlice, groups: readonly Group[]): boolean =>
  groups.some(({ ports }) => isEqual(slice.ports ?? [], ports))

/** Pods that name a port differently go to slices of their own. */
function groupsOf(service: Service, selected: readonly Pod[]): readonly Group[] {
  const groups = new Map<
    string,
    { readonly ports: DiscoveryEndpointPort[]; readonly endpoints: Endpoint[] }
  >()
  const inOrder = selected.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  for (const pod of inOrder) {
    if (!pod.status?.podIP || isPodFinished(pod)) continue
    const ports = portsFor(service, pod)
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, pod.status.podIP))
  }
  return [...groups.values()]
}

/** Those of the service's ports that the pod has. */
export const portsFor = (service: Service, pod: Pod): DiscoveryEndpointPort[] =>
  (service.spec.ports ?? []).flatMap((port) => endpointPort(port, pod) ?? [])

interface Content {
  readonly slice: EndpointSlice | undefined
  readonly endpoints: Endpoint[]
}

/** Endpoints to slices: each stays where it is, new ones fill the gaps, then slices yet to be made. */
function spread(endpoints: readonly Endpoint[], slices: readonly EndpointSlice[]): readonly Content[] {
  const left = new Map(endpoints.map((endpoint) => [identityOf(endpoint), endpoint]))
  const contents: Content[] = slices.map((slice) => {
    const kept = (slice.endpoints ?? []).map(identityOf).flatMap((identity) => {
      const endpoint = left.get(identity)
      left.delete(identity)
      return endpoint ?? []
    })
    return { slice, endpoints: kept }
  })
  for (const endpoint of left.values()) {
    let content = contents.find((one) => one.endpoints.length < sliceEndpointsMax)
    if (!content) {
      content = { slice: undefined, endpoints: [] }
      contents.push(content)
    }
    content.endpoints.push(endpoint)
  }
  const filled = contents.filter((content) => content.endpoints.length > 0)
  return filled.length > 0 ? filled : [contents[0] ?? { slice: undefined, endpoints: [] }]
}

const identityOf = ({ targetRef, addresses }: Endpoint): string => targetRef?.uid ?? addresses.join(',')

function endpointPort(port: ServicePort, pod: Pod): DiscoveryEndpointPort | undefined {
  const number = targetPortOf(port, pod)
  if (number === undefined) return undefined
  const { appProtocol } = port
  return {
    name: port.name ?? '',
    protocol: port.protocol ?? 'TCP',
    port: number,
    ...(appProtocol && { appProtocol }),
  }
}

function targetPortOf(port: ServicePort, { spec }: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  for (const { ports = [] } of [...spec.containers, ...sidecars]) {
    const named = ports.find(
      ({ name, protocol }) => name === target && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    )
    if (named) return named.containerPort
  }
  return undefined
}

function endpointOf(service: Service, pod: Pod, podIP: string): Endpoint {
  const terminating = isTerminating(pod)
  const serving = isPodReady(pod)
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const { nodeName, hostname, subdomain } = pod.spec
  const { namespace, name, uid } = pod.metadata
  return {
    addresses: [podIP],
    conditions: { ready, serving, terminating },
    ...(hostname && subdomain === service.metadata.name && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(namespace && { namespace }),
      ...(name && { name }),
      ...(uid && { uid }),
    },
  }
}

const labelsFor = ({ metadata, spec }: Service): Record<string, string> => ({
  ...metadata.labels,
  ...(spec.clusterIP === 'None' && { 'service.kubernetes.io/headless': '' }),
  'kubernetes.io/service-name': metadata.name ?? '',
  [managedByLabel]: managedBy,
})

const emptySlice = (service: Service): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    generateName: `${service.metadata.name}-`,
    ...(service.metadata.namespace !== undefined && { namespace: service.metadata.namespace }),
    ownerReferences: [newControllerRef(service)],
  },
  addressType: 'IPv4',
  endpoints: [],
  ports: [],
})

const isSame = (a: EndpointSlice, b: EndpointSlice): boolean =>
  isEqual(a.endpoints ?? [], b.endpoints ?? []) &&
  isEqual(a.ports ?? [], b.ports ?? []) &&
  isEqual(a.metadata.labels, b.metadata.labels)
