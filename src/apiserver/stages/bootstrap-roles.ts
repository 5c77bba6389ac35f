/** Makes the roles, bindings and priority classes that every cluster has, and gives those that are there what a newer Sampan has added to them. */
import { aggregatedRules } from '../../api/access/aggregate.ts'
import {
  defaultClusterRoleBindings,
  defaultClusterRoles,
  defaultRoleBindings,
  defaultRoles,
} from '../../api/access/default-roles.ts'
import { missingRules } from '../../api/access/escalation.ts'
import { isEqual } from '../../api/equal.ts'
import type { KubeObject } from '../../api/meta.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  PriorityClass,
  Role,
  RoleBinding,
} from '../../api/schema/types.gen.ts'
import type { Machinery } from '../context.ts'
import type { ApiRequest, ApiResponse } from '../http.ts'
import { mastersGroup } from './authenticate.ts'
import { parsedObjects } from './parsed-objects.ts'
import { rbacGroup } from './role-index.ts'

type Bootstrapped = ClusterRole | ClusterRoleBinding | PriorityClass | Role | RoleBinding
type Server = { handle(request: ApiRequest): Promise<ApiResponse> }
const self = { name: 'system:apiserver', groups: [mastersGroup] }
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate'

/** Through the front door, like anybody's writes. Throws when the server refuses one. */
export async function bootstrapRoles(
  server: Server,
  machinery: Pick<Machinery, 'cacheOf' | 'findResource'>,
): Promise<void> {
  await Promise.all([
    converge(server, machinery, {
      group: rbacGroup,
      plural: 'clusterroles',
      wanted: aggregatedDefaults(),
      merge: mergeRole,
    }),
    converge(server, machinery, {
      group: 'scheduling.k8s.io',
      plural: 'priorityclasses',
      wanted: systemClasses,
      merge: (present) => present,
    }),
    converge(server, machinery, {
      group: rbacGroup,
      plural: 'clusterrolebindings',
      wanted: defaultClusterRoleBindings,
      merge: mergeBinding,
    }),
    converge(server, machinery, {
      group: rbacGroup,
      plural: 'roles',
      wanted: defaultRoles,
      merge: mergeRules,
    }),
    converge(server, machinery, {
      group: rbacGroup,
      plural: 'rolebindings',
      wanted: defaultRoleBindings,
      merge: mergeBinding,
    }),
  ])
}

/** The gathering roles with their rules, so that they count before any controller runs: lesser roles first. */
function aggregatedDefaults(): readonly ClusterRole[] {
  const roles = [...defaultClusterRoles]
  for (const name of ['view', 'edit', 'admin']) {
    const at = roles.findIndex(({ metadata }) => metadata.name === name)
    const role = roles[at]
    const rules = role && aggregatedRules(role, roles)
    if (role && rules) roles[at] = { ...role, rules }
  }
  return roles
}

const systemClass = (name: string, value: number, description: string): PriorityClass => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  description,
})
const systemClasses: readonly PriorityClass[] = [
  systemClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
  systemClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
]

interface Convergence<T> {
  readonly group: string
  readonly plural: string
  readonly wanted: readonly T[]
  /** What is there, with what it lacks. */
  readonly merge: (present: T, wanted: T) => T
}

async function converge<T extends Bootstrapped>(
  server: Server,
  machinery: Pick<Machinery, 'cacheOf' | 'findResource'>,
  { group, plural, wanted, merge }: Convergence<T>,
): Promise<void> {
  const def = machinery.findResource(group, 'v1', plural)
  if (!def) return
  const cache = machinery.cacheOf(def)
  await cache.ready()
  const objects = await parsedObjects<T & KubeObject>(cache).all()
  const present = new Map(objects.map((object) => [idOf(object), object]))
  await Promise.all(
    wanted.map(async (object) => {
      const { name, namespace } = object.metadata
      const path = `/apis/${group}/v1/${namespace ? `namespaces/${namespace}/` : ''}${plural}`
      const known = present.get(idOf(object))
      if (!known) return send(server, 'POST', path, object)
      if (known.metadata.annotations?.[autoupdate] === 'false') return
      const merged = merge(known, object)
      if (!isEqual(merged, known)) await send(server, 'PUT', `${path}/${name}`, merged)
    }),
  )
}

const idOf = ({ metadata }: Bootstrapped): string => `${metadata.namespace ?? ''}/${metadata.name}`

const mergeRole = (present: ClusterRole, wanted: ClusterRole): ClusterRole =>
  // The rules of a gathering role are its controller's.
  wanted.aggregationRule
    ? { ...present, aggregationRule: wanted.aggregationRule }
    : mergeRules(present, wanted)

function mergeRules<T extends ClusterRole | Role>(present: T, wanted: T): T {
  const missing = missingRules(present.rules ?? [], wanted.rules ?? [])
  return missing.length === 0 ? present : { ...present, rules: [...(present.rules ?? []), ...missing] }
}

function mergeBinding<T extends ClusterRoleBinding | RoleBinding>(present: T, wanted: T): T {
  const has = (kind: string, name: string) =>
    (present.subjects ?? []).some((subject) => subject.kind === kind && subject.name === name)
  const missing = (wanted.subjects ?? []).filter(({ kind, name }) => !has(kind, name))
  return missing.length === 0 ? present : { ...present, subjects: [...(present.subjects ?? []), ...missing] }
}

async function send(server: Server, method: string, path: string, object: Bootstrapped): Promise<void> {
  const body = Buffer.from(JSON.stringify(object))
  const { status } = await server.handle({ method, path, headers: {}, body, user: self })
  // Another server on the same store may have been faster.
  if (status === 200 || status === 201 || status === 409) return
  throw new Error(
    `the ${object.kind} ${object.metadata.name} could not be written: the server answered ${status}; its log says why`,
  )
}
