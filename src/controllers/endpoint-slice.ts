import type {
  DiscoveryEndpointPort,
  Endpoint,
  EndpointSlice,
  Pod,
  Service,
  ServicePort,
} from '../api/schema/types.gen.ts'
import { isEqual } from '../api/equal.ts'
import { newControllerRef } from '../api/owner-references.ts'
import { endpointSlices } from '../api/resources/endpointslices.ts'
import { pods } from '../api/resources/pods.ts'
import { services } from '../api/resources/services.ts'
import { matchesLabels, selectorFromLabels } from '../api/selector.ts'
import { isNotFound } from '../api/status.ts'
import { isTerminating, type KubeObject } from '../api/meta.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { isPodFinished, isPodReady } from './pod-facts.ts'

/** Endpoints in one slice; upstream's default, and what clients are known to cope with. */
export const sliceEndpointsMax = 100

const managedBy = 'endpointslice-controller.k8s.io'
const serviceLabel = 'kubernetes.io/service-name'

/** Turns a Service's selector into the addresses behind it. */
export const endpointSliceController: ControllerSpec = {
  name: 'endpointslice',
  watches: services,
  owns: [endpointSlices],
  triggers: [
    {
      resource: pods,
      keys: (pod, { informers }) =>
        informers
          .for<Service>(services)
          .byIndex('namespace', pod.metadata.namespace ?? '')
          .filter((service) => selects(service, pod))
          .map((service) => `${service.metadata.namespace}/${service.metadata.name}`),
    },
  ],
  workers: 4,
  async reconcile({ namespace, name }, context) {
    const service = context.informers.for<Service>(services).get(namespace, name)
    if (!service || !service.spec.selector || service.spec.type === 'ExternalName') return
    if (isTerminating(service)) return
    const selected = context.informers
      .for<Pod>(pods)
      .byIndex('namespace', namespace)
      .filter((pod) => selects(service, pod))
    const existing = context.informers
      .for<EndpointSlice>(endpointSlices)
      .byIndex('owner', service.metadata.uid ?? '')
      .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    await converge(planSlices(service, selected), existing, service, context)
  },
}

function selects(service: Service, pod: KubeObject): boolean {
  const { selector } = service.spec
  return selector !== undefined && matchesLabels(selectorFromLabels(selector), pod.metadata.labels)
}

/** What the slices of a service should hold. Pods that name a port differently go to slices of their own. Pure. */
export function planSlices(
  service: Service,
  selected: readonly Pod[],
): readonly Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'>[] {
  const groups = new Map<
    string,
    { readonly ports: DiscoveryEndpointPort[]; readonly endpoints: Endpoint[] }
  >()
  const inOrder = selected.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  for (const pod of inOrder) {
    if (!pod.status?.podIP || isPodFinished(pod)) continue
    const ports = (service.spec.ports ?? []).flatMap((port) => endpointPort(port, pod) ?? [])
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, pod.status.podIP))
  }
  return [...groups.values()].flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / sliceEndpointsMax) }, (_, i) => ({
      addressType: 'IPv4',
      endpoints: endpoints.slice(i * sliceEndpointsMax, (i + 1) * sliceEndpointsMax),
      ports,
    })),
  )
}

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

function targetPortOf(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  for (const container of pod.spec.containers) {
    const named = container.ports?.find(
      ({ name, protocol }) => name === target && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    )
    if (named) return named.containerPort
  }
  return undefined
}

function endpointOf(service: Service, pod: Pod, podIP: string): Endpoint {
  const terminating = isTerminating(pod)
  const serving = isPodReady(pod) || service.spec.publishNotReadyAddresses === true
  const { nodeName } = pod.spec
  return {
    addresses: [podIP],
    conditions: { ready: serving && !terminating, serving, terminating },
    ...(nodeName && { nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(pod.metadata.namespace && { namespace: pod.metadata.namespace }),
      ...(pod.metadata.name && { name: pod.metadata.name }),
      ...(pod.metadata.uid && { uid: pod.metadata.uid }),
    },
  }
}

/** Updates slices in place, makes those that are missing and deletes what is left over. */
async function converge(
  wanted: ReturnType<typeof planSlices>,
  existing: readonly EndpointSlice[],
  service: Service,
  { client }: ControllerContext,
): Promise<void> {
  const api = client.resource<EndpointSlice>(endpointSlices)
  const { namespace = '', name = '' } = service.metadata
  // One empty slice says "no endpoints" where no slice would say "not looked at yet".
  const contents = wanted.length > 0 ? wanted : [{ addressType: 'IPv4', endpoints: [], ports: [] }]
  for (const [i, content] of contents.entries()) {
    const old = existing[i]
    if (!old) {
      await api.create({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${name}-`,
          namespace,
          labels: {
            ...service.metadata.labels,
            [serviceLabel]: name,
            'endpointslice.kubernetes.io/managed-by': managedBy,
          },
          ownerReferences: [newControllerRef(service)],
        },
        ...content,
      } as EndpointSlice)
    } else if (!isSame(old, content)) await api.update({ ...old, ...content } as EndpointSlice)
  }
  for (const surplus of existing.slice(contents.length)) {
    await api.delete(surplus.metadata.name ?? '', { namespace }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

const isSame = (slice: EndpointSlice, content: Pick<EndpointSlice, 'endpoints' | 'ports'>): boolean =>
  isEqual(slice.endpoints ?? [], content.endpoints ?? []) && isEqual(slice.ports ?? [], content.ports ?? [])
