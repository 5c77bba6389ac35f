/**
 * Every built-in resource, in the order of discovery: the core group first, because kubectl takes the first match of
 * a short name. A literal, so that the list can be read; a CustomResourceDefinition adds to it at run time elsewhere.
 */
import type { KubeObject } from './meta.ts'
import type { ResourceDef } from './resource.ts'
import { configMaps } from './resources/configmaps.ts'
import { deployments } from './resources/deployments.ts'
import { endpointSlices } from './resources/endpointslices.ts'
import { events } from './resources/events.ts'
import { ingressClasses } from './resources/ingressclasses.ts'
import { ingresses } from './resources/ingresses.ts'
import { leases } from './resources/leases.ts'
import { namespaces } from './resources/namespaces.ts'
import { nodes } from './resources/nodes.ts'
import { pods } from './resources/pods.ts'
import { replicaSets } from './resources/replicasets.ts'
import { secrets } from './resources/secrets.ts'
import { serviceAccounts } from './resources/serviceaccounts.ts'
import { services } from './resources/services.ts'

/**
 * A definition reads and changes objects of its own type only; whoever holds the table decodes by `schema` first, so
 * what reaches it is of that type. TypeScript can't see that.
 */
const erased = <T extends KubeObject>(def: ResourceDef<T>): ResourceDef => def as unknown as ResourceDef

export const resources: readonly ResourceDef[] = [
  // core
  erased(configMaps),
  erased(events),
  erased(namespaces),
  erased(nodes),
  erased(pods),
  erased(secrets),
  erased(serviceAccounts),
  erased(services),
  // apps
  erased(deployments),
  erased(replicaSets),
  // coordination.k8s.io
  erased(leases),
  // discovery.k8s.io
  erased(endpointSlices),
  // networking.k8s.io
  erased(ingressClasses),
  erased(ingresses),
]
