/** What a pod means by a name or a cluster address, from Services and EndpointSlices. Pure. */
import { serviceNameOf, type ServiceName } from '../api/cluster-names.ts'
import type { Endpoint, EndpointSlice, Service } from '../api/schema/types.gen.ts'

export interface ClusterView {
  readonly service: (namespace: string, name: string) => Service | undefined
  readonly serviceByIP: (clusterIP: string) => Service | undefined
  readonly slicesOf: (namespace: string, service: string) => readonly EndpointSlice[]
  /** Of any Service, by the address of one of its endpoints. */
  readonly slicesWith: (podIP: string) => readonly EndpointSlice[]
}

/** Where a connection may go; the caller picks one. */
export interface Destination {
  readonly podIP: string
  readonly node: string
  readonly port: number
}

export type Answer =
  /** Nothing of the cluster: ask elsewhere. */
  | { readonly kind: 'foreign' }
  /** Another name for it. */
  | { readonly kind: 'alias'; readonly name: string }
  | { readonly kind: 'destinations'; readonly destinations: readonly Destination[] }

/** The addresses of a name, as DNS would answer; undefined for names that are none of the cluster. */
export function addressesOf(
  view: ClusterView,
  name: string,
  namespace: string,
): readonly string[] | undefined {
  const wanted = serviceNameOf(name, namespace)
  const service = wanted && view.service(wanted.namespace, wanted.service)
  if (!service || service.spec.type === 'ExternalName') return undefined
  const { clusterIP } = service.spec
  if (clusterIP && clusterIP !== 'None' && wanted.hostname === undefined) return [clusterIP]
  return endpointsOf(view, wanted).flatMap(({ addresses }) => addresses)
}

/** Where a connection of a pod of `namespace` to `host`:`port` goes. */
export function destinationsOf(
  view: ClusterView,
  { host, namespace, port }: { readonly host: string; readonly namespace: string; readonly port: number },
): Answer {
  const service = view.serviceByIP(host)
  if (service) return throughPort(view, service, port)
  const slices = view.slicesWith(host)
  if (slices.length > 0) return { kind: 'destinations', destinations: direct(slices, host, port) }
  const wanted = serviceNameOf(host, namespace)
  const found = wanted && view.service(wanted.namespace, wanted.service)
  if (!wanted || !found) return { kind: 'foreign' }
  const { clusterIP, externalName, type } = found.spec
  if (type === 'ExternalName') return { kind: 'alias', name: externalName ?? '' }
  if (clusterIP && clusterIP !== 'None' && wanted.hostname === undefined)
    return throughPort(view, found, port)
  // A headless Service's name stands for its pods: ports are theirs.
  const destinations = endpointsOf(view, wanted).flatMap((endpoint) =>
    endpoint.addresses.map((podIP) => ({ podIP, node: endpoint.nodeName ?? '', port })),
  )
  return { kind: 'destinations', destinations }
}

/** A Service's own port becomes the endpoints' port of the same name. */
function throughPort(view: ClusterView, service: Service, port: number): Answer {
  const wanted = service.spec.ports?.find((candidate) => candidate.port === port && isTcp(candidate.protocol))
  if (!wanted) return { kind: 'destinations', destinations: [] }
  const { name = '', namespace = '' } = service.metadata
  const destinations = view.slicesOf(namespace, name).flatMap(({ endpoints = [], ports }) => {
    const target = ports?.find((candidate) => (candidate.name ?? '') === (wanted.name ?? ''))?.port
    if (target === undefined) return []
    return endpoints
      .filter(isReady)
      .flatMap(({ addresses, nodeName = '' }) =>
        addresses.map((podIP) => ({ podIP, node: nodeName, port: target })),
      )
  })
  return { kind: 'destinations', destinations }
}

const direct = (slices: readonly EndpointSlice[], podIP: string, port: number): readonly Destination[] =>
  slices
    .flatMap(({ endpoints = [] }) => endpoints)
    .filter(({ addresses }) => addresses.includes(podIP))
    .slice(0, 1)
    .map(({ nodeName = '' }) => ({ podIP, node: nodeName, port }))

const endpointsOf = (view: ClusterView, { hostname, namespace, service }: ServiceName): readonly Endpoint[] =>
  view
    .slicesOf(namespace, service)
    .flatMap(({ endpoints = [] }) => endpoints)
    .filter((endpoint) => isReady(endpoint) && (hostname === undefined || endpoint.hostname === hostname))

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false
const isTcp = (protocol: string | undefined): boolean => protocol === undefined || protocol === 'TCP'
