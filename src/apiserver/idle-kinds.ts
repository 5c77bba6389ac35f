/**
 * What can be written and has no effect yet. Whoever makes such an object is told at once, by a `Warning` that clients print: otherwise
 * they wait for something that doesn't come. An entry goes when its controller comes.
 */
import type { KubeObject } from '../api/meta.ts'
import { isJsonObject } from '../api/json.ts'
import type { ResourceDef } from '../api/resource.ts'

/** By group and plural: what does not come of it, and what to use instead. */
const idleKinds: Readonly<Record<string, string>> = {
  '/replicationcontrollers': 'no pod comes of it; a Deployment does what it does',
  'apps/daemonsets': 'no pod comes of it; a Deployment with as many replicas as nodes comes near it',
  'apps/statefulsets': 'no pod comes of it; a Deployment with a PersistentVolumeClaim comes near it',
  'autoscaling/horizontalpodautoscalers': 'nothing is scaled by it; use kubectl scale',
  'batch/cronjobs': 'no pod comes of it',
  'batch/jobs': 'no pod comes of it; a Pod with restartPolicy OnFailure runs to its end',
  'networking.k8s.io/networkpolicies': 'it holds no connection off',
  'policy/poddisruptionbudgets': 'evictions and kubectl drain do not ask it',
}

/** Messages for the `Warning` header of the answer that says it was created. */
export function idleWarnings(
  { group, kind, plural }: Pick<ResourceDef, 'group' | 'kind' | 'plural'>,
  object: KubeObject,
): readonly string[] {
  const consequence = idleKinds[`${group}/${plural}`]
  if (consequence !== undefined) return [`Sampan keeps a ${kind} and does not act on it yet: ${consequence}`]
  return group === '' && plural === 'services' ? serviceWarnings(object) : []
}

/** How a Service is told to be reached from outside, beside the gateway. */
const idleServiceTypes: Readonly<Record<string, string>> = {
  LoadBalancer: 'no address is assigned to it',
  NodePort: 'no port of the nodes leads to it',
}

function serviceWarnings(object: KubeObject): readonly string[] {
  const spec: unknown = 'spec' in object ? object.spec : undefined
  const type = isJsonObject(spec) && typeof spec['type'] === 'string' ? spec['type'] : ''
  const consequence = idleServiceTypes[type]
  if (consequence === undefined) return []
  const instead = 'from outside it is reached by an Ingress, or by kubectl port-forward'
  return [`spec.type: Sampan does not act on ${type} yet: ${consequence}; ${instead}`]
}
