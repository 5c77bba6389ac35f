import type { EndpointSlice, Ingress, IngressBackend, IngressPath, Service } from './kube-objects.ts'
import type { Endpoint, PathType, Route, RouteData } from './route-data.ts'

export interface RouteSources {
  readonly ingresses: readonly Ingress[]
  readonly services: readonly Service[]
  readonly endpointSlices: readonly EndpointSlice[]
}

export interface Translation extends RouteData {
  /** What an Ingress asks for and cannot have, one sentence each; the rest of it is served. */
  readonly problems: readonly string[]
}

/**
 * Ingresses, Services and EndpointSlices as routes. The oldest Ingress wins where two claim the same path, whatever
 * order the objects come in. A route whose Service is missing stays, without endpoints: 503 says more than 404.
 */
export function routeDataFrom({ ingresses, services, endpointSlices }: RouteSources): Translation {
  const problems: string[] = []
  const backends = new Map<string, readonly Endpoint[]>()
  const servicesByName = new Map(services.map((service) => [fullName(service), service]))
  const slicesByService = Map.groupBy(endpointSlices, serviceOf)

  const backendKey = (ingress: Ingress, backend: IngressBackend): string | undefined => {
    const { service } = backend
    if (!service) {
      problems.push(
        `Ingress ${fullName(ingress)} has a backend that is not a Service; only Services can be served.`,
      )
      return undefined
    }
    const name = `${ingress.metadata.namespace ?? 'default'}/${service.name}`
    const key = `${name}:${service.port?.name ?? service.port?.number ?? ''}`
    if (backends.has(key)) return key
    const port = servicePort(servicesByName.get(name), service.port)
    if (port === undefined)
      problems.push(`Ingress ${fullName(ingress)} names ${key}, but there is no such Service or port.`)
    backends.set(key, port === undefined ? [] : endpointsOf(slicesByService.get(name) ?? [], port.name))
    return key
  }

  const routes: Route[] = []
  let defaultBackend: string | undefined
  for (const ingress of ingresses.toSorted(byAge)) {
    const fallback = ingress.spec?.defaultBackend
    if (fallback) defaultBackend ??= backendKey(ingress, fallback)
    for (const rule of ingress.spec?.rules ?? [])
      for (const path of rule.http?.paths ?? []) {
        const backend = backendKey(ingress, path.backend)
        if (backend === undefined) continue
        routes.push({
          host: (rule.host ?? '').toLowerCase(),
          path: path.path ?? '/',
          pathType: pathTypeOf(path),
          backend,
        })
      }
  }
  return { routes, backends, problems, ...(defaultBackend === undefined ? {} : { defaultBackend }) }
}

const fullName = ({ metadata }: Ingress | Service): string =>
  `${metadata.namespace ?? 'default'}/${metadata.name ?? ''}`

const serviceOf = ({ metadata }: EndpointSlice): string =>
  `${metadata.namespace ?? 'default'}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`

function byAge(a: Ingress, b: Ingress): number {
  return (
    compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compare(fullName(a), fullName(b))
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const pathTypeOf = ({ pathType }: IngressPath): PathType =>
  pathType === 'Exact' || pathType === 'Prefix' ? pathType : 'ImplementationSpecific'

interface PortReference {
  readonly name?: string
  readonly number?: number
}

function servicePort(service: Service | undefined, wanted: PortReference | undefined) {
  const ports = service?.spec?.ports ?? []
  if (wanted?.name) return ports.find((port) => port.name === wanted.name)
  if (wanted?.number) return ports.find((port) => port.port === wanted.number)
  return ports.length === 1 ? ports[0] : undefined
}

/** An endpoint's port is the slice's port of the service port's name: the target port may differ from pod to pod. */
function endpointsOf(slices: readonly EndpointSlice[], portName: string | undefined): readonly Endpoint[] {
  const endpoints = new Map<string, Endpoint>()
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue // deprecated in Kubernetes, and no address of a pod
    const port = slice.ports?.find((candidate) => (candidate.name ?? '') === (portName ?? ''))?.port
    if (port === undefined) continue
    for (const { addresses, nodeName = '', conditions } of slice.endpoints ?? []) {
      const podIP = addresses[0] // the others are the same pod's (KEP-752: consumers use the first)
      if (podIP === undefined) continue
      const ready = conditions?.ready ?? true
      const key = `${nodeName}/${podIP}:${port}`
      const known = endpoints.get(key)
      if (known?.ready === true) continue // a pod that moves between slices may be in two for a moment
      endpoints.set(key, {
        key,
        node: nodeName,
        podIP,
        port,
        ready,
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
      })
    }
  }
  return [...endpoints.values()]
}
