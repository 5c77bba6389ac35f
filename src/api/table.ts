/**
 * Every built-in resource, in the order of discovery: the core group first, because kubectl takes the first match of
 * a short name. A literal, so that the list can be read; a CustomResourceDefinition adds to it at run time elsewhere.
 */
import type { KubeObject } from './meta.ts'
import type { ResourceDef } from './resource.ts'
import { certificateSigningRequests } from './resources/certificatesigningrequests.ts'
import { clusterRoleBindings } from './resources/clusterrolebindings.ts'
import { clusterRoles } from './resources/clusterroles.ts'
import { configMaps } from './resources/configmaps.ts'
import { controllerRevisions } from './resources/controllerrevisions.ts'
import { customResourceDefinitions } from './resources/customresourcedefinitions.ts'
import { cronJobs } from './resources/cronjobs.ts'
import { daemonSets } from './resources/daemonsets.ts'
import { deployments } from './resources/deployments.ts'
import { endpoints } from './resources/endpoints.ts'
import { endpointSlices } from './resources/endpointslices.ts'
import { eventsV1 } from './resources/events-v1.ts'
import { events } from './resources/events.ts'
import { horizontalPodAutoscalers } from './resources/horizontalpodautoscalers.ts'
import { horizontalPodAutoscalersV1 } from './resources/hpa/v1.ts'
import { ingressClasses } from './resources/ingressclasses.ts'
import { ingresses } from './resources/ingresses.ts'
import { jobs } from './resources/jobs.ts'
import { leases } from './resources/leases.ts'
import { limitRanges } from './resources/limitranges.ts'
import { namespaces } from './resources/namespaces.ts'
import { networkPolicies } from './resources/networkpolicies.ts'
import { nodes } from './resources/nodes.ts'
import { persistentVolumeClaims } from './resources/persistentvolumeclaims.ts'
import { persistentVolumes } from './resources/persistentvolumes.ts'
import { podDisruptionBudgets } from './resources/poddisruptionbudgets.ts'
import { pods } from './resources/pods.ts'
import { podTemplates } from './resources/podtemplates.ts'
import { priorityClasses } from './resources/priorityclasses.ts'
import { replicaSets } from './resources/replicasets.ts'
import { replicationControllers } from './resources/replicationcontrollers.ts'
import { resourceQuotas } from './resources/resourcequotas.ts'
import { authenticationReviews, authorizationReviews } from './resources/reviews.ts'
import { roleBindings } from './resources/rolebindings.ts'
import { roles } from './resources/roles.ts'
import { runtimeClasses } from './resources/runtimeclasses.ts'
import { secrets } from './resources/secrets.ts'
import { serviceAccounts } from './resources/serviceaccounts.ts'
import { services } from './resources/services.ts'
import { statefulSets } from './resources/statefulsets.ts'
import { storageClasses } from './resources/storageclasses.ts'
import { nodeMetrics, podMetrics } from './resources/usage-metrics.ts'

/**
 * A definition reads and changes objects of its own type only; whoever holds the table decodes by `schema` first, so
 * what reaches it is of that type. TypeScript can't see that.
 */
const erased = <T extends KubeObject>(def: ResourceDef<T>): ResourceDef => def as unknown as ResourceDef

export const resources: readonly ResourceDef[] = [
  // core
  erased(configMaps),
  erased(endpoints),
  erased(events),
  erased(limitRanges),
  erased(namespaces),
  erased(nodes),
  erased(persistentVolumeClaims),
  erased(persistentVolumes),
  erased(pods),
  erased(podTemplates),
  erased(replicationControllers),
  erased(resourceQuotas),
  erased(secrets),
  erased(serviceAccounts),
  erased(services),
  // apps
  erased(controllerRevisions),
  erased(daemonSets),
  erased(deployments),
  erased(replicaSets),
  erased(statefulSets),
  // events.k8s.io
  erased(eventsV1),
  // authentication.k8s.io
  ...authenticationReviews,
  // authorization.k8s.io
  ...authorizationReviews,
  // autoscaling, the version that clients should prefer first
  erased(horizontalPodAutoscalers),
  erased(horizontalPodAutoscalersV1),
  // batch
  erased(cronJobs),
  erased(jobs),
  // certificates.k8s.io
  erased(certificateSigningRequests),
  // networking.k8s.io
  erased(ingressClasses),
  erased(ingresses),
  erased(networkPolicies),
  // policy
  erased(podDisruptionBudgets),
  // rbac.authorization.k8s.io
  erased(clusterRoleBindings),
  erased(clusterRoles),
  erased(roleBindings),
  erased(roles),
  // storage.k8s.io
  erased(storageClasses),
  // scheduling.k8s.io
  erased(priorityClasses),
  // coordination.k8s.io
  erased(leases),
  // node.k8s.io
  erased(runtimeClasses),
  // discovery.k8s.io
  erased(endpointSlices),
  // metrics.k8s.io: its plurals are those of core, which come first
  erased(nodeMetrics),
  erased(podMetrics),
  // apiextensions.k8s.io
  erased(customResourceDefinitions),
]
