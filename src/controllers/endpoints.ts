import { isTerminating, keyOf } from '../api/meta.ts'
import { endpoints } from '../api/resources/endpoints.ts'
import { pods } from '../api/resources/pods.ts'
import { services } from '../api/resources/services.ts'
import type { Endpoints, Pod, Service } from '../api/schema/types.gen.ts'
import type { ControllerSpec } from '../client/controller.ts'
import { hasSelector, selects, servicesOfPods } from './endpoint-slice.ts'
import { isManagedEndpoints, planEndpoints } from './endpoints-plan.ts'
import { ignoreNotFound } from './owned.ts'

/** Keeps the Endpoints of the service's name beside its EndpointSlices. */
export const endpointsController: ControllerSpec = {
  name: 'endpoints',
  component: 'endpoint-controller',
  watches: services,
  triggers: [servicesOfPods, { resource: endpoints, keys: (object) => [keyOf(object)] }],
  workers: 4,
  async reconcile({ namespace, name }, { client, informers }) {
    const service = informers.for<Service>(services).get(namespace, name)
    const existing = informers.for<Endpoints>(endpoints).get(namespace, name)
    const api = client.resource<Endpoints>(endpoints)
    if (!service || isTerminating(service)) {
      // Nobody owns them: they go with the service by our hand, as upstream.
      const uid = existing?.metadata.uid ?? ''
      if (existing && isManagedEndpoints(existing)) await ignoreNotFound(api.delete(name, { namespace, uid }))
      return
    }
    if (!hasSelector(service)) return // its endpoints are somebody else's care
    const selected = informers
      .for<Pod>(pods)
      .byIndex('namespace', namespace)
      .filter((pod) => selects(service, pod))
    const plan = planEndpoints(service, selected, existing)
    if (plan) await (existing ? ignoreNotFound(api.update(plan)) : api.create(plan))
  },
}
