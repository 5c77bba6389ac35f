import type { EndpointSlice, Ingress, Service } from '../api/schema/types.gen.ts'
import { endpointSlices } from '../api/resources/endpointslices.ts'
import { ingresses } from '../api/resources/ingresses.ts'
import { services } from '../api/resources/services.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Informers } from '../client/informers.ts'
import type { Gateway } from './gateway.ts'
import { routeDataFrom } from './translate.ts'

export interface SyncOptions {
  readonly gateway: Gateway
  readonly informers: Informers
  readonly clock: Clock
  readonly logger: Logger
}

/** The class of the Ingresses that this gateway serves; it is the cluster's default, so none means this one. */
export const ingressClass = 'sampan'

/** A rollout changes slices in bursts: routes are built once for each. Short, for a dead replica has to leave quickly. */
const coalesceMs = 10

/** Keeps the gateway's routes as the objects want them, for as long as the informers live. Resolves when the first are in place. */
export async function syncRoutes({ gateway, informers, clock, logger }: SyncOptions): Promise<void> {
  const sources = {
    ingresses: informers.for<Ingress>(ingresses),
    services: informers.for<Service>(services),
    endpointSlices: informers.for<EndpointSlice>(endpointSlices),
  }
  let reported = ''
  const build = () => {
    const data = routeDataFrom({
      ingresses: sources.ingresses.list().filter(isOurs),
      services: sources.services.list(),
      endpointSlices: sources.endpointSlices.list(),
    })
    gateway.update(data)
    const problems = data.problems.join(' ')
    if (problems !== reported) logger.warn('some routes can not be served', { problems })
    reported = problems
  }
  await informers.synced()
  build()
  let isDue = false
  const schedule = () => {
    if (isDue) return
    isDue = true
    clock.after(coalesceMs, () => {
      isDue = false
      build()
    })
  }
  for (const informer of Object.values(sources)) informer.onChange(schedule)
}

function isOurs({ metadata, spec }: Ingress): boolean {
  const name = spec.ingressClassName ?? metadata.annotations?.['kubernetes.io/ingress.class']
  return name === undefined || name === ingressClass
}
