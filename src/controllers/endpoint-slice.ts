import type { EndpointSlice, Pod, Service } from '../api/schema/types.gen.ts'
import { endpointSlices } from '../api/resources/endpointslices.ts'
import { pods } from '../api/resources/pods.ts'
import { services } from '../api/resources/services.ts'
import { matchesLabels, selectorFromLabels } from '../api/selector.ts'
import { isTerminating, keyOf, type KubeObject } from '../api/meta.ts'
import type { ControllerSpec, Trigger } from '../client/controller.ts'
import { isManaged, planSlices } from './endpoint-slice-plan.ts'
import { ignoreNotFound } from './owned.ts'

/** A pod concerns the services that select it. */
export const servicesOfPods: Trigger = {
  resource: pods,
  keys: (pod, { informers }) =>
    informers
      .for<Service>(services)
      .byIndex('namespace', pod.metadata.namespace ?? '')
      .filter((service) => selects(service, pod))
      .map(keyOf),
}

/** Turns a Service's selector into the addresses behind it. */
export const endpointSliceController: ControllerSpec = {
  name: 'endpointslice',
  component: 'endpoint-slice-controller',
  watches: services,
  owns: [endpointSlices],
  triggers: [servicesOfPods],
  workers: 4,
  async reconcile({ namespace, name }, { client, informers }) {
    const service = informers.for<Service>(services).get(namespace, name)
    if (!service || isTerminating(service)) return // gone: garbage collection has the rest
    if (!hasSelector(service)) return // its endpoints are somebody else's care
    const selected = informers
      .for<Pod>(pods)
      .byIndex('namespace', namespace)
      .filter((pod) => selects(service, pod))
    const existing = informers
      .for<EndpointSlice>(endpointSlices)
      .byIndex('owner', service.metadata.uid ?? '')
      .filter(isManaged)
    const plan = planSlices(service, selected, existing)
    const api = client.resource<EndpointSlice>(endpointSlices)
    for (const slice of plan.create) await api.create(slice)
    for (const slice of plan.update) await ignoreNotFound(api.update(slice))
    for (const { metadata } of plan.remove)
      await ignoreNotFound(api.delete(metadata.name ?? '', { namespace, uid: metadata.uid ?? '' }))
  },
}

export const hasSelector = ({ spec }: Service): boolean =>
  spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0

export const selects = (service: Service, pod: KubeObject): boolean =>
  hasSelector(service) && matchesLabels(selectorFromLabels(service.spec.selector), pod.metadata.labels)
