/**
 * Roles and bindings, arranged by who they concern: a request looks at the bindings of its user and groups only, however
 * many others there are. A role or binding that changes costs what it takes to take in that one.
 */
import { quote } from '../quote.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../schema/types.gen.ts'
import { rulesAllow } from './rbac.ts'
import type { AccessDecision, AccessRequest, AccessUser } from './request.ts'
import { serviceAccountUser } from './service-account-names.ts'

export interface RbacIndex {
  authorize(request: AccessRequest): AccessDecision
  /** All rules that a user has in a namespace, those of the cluster included; only those with an empty namespace. */
  rulesFor(user: AccessUser, namespace: string): { readonly rules: PolicyRule[]; readonly problems: string[] }
  /** Undefined: there is no such role. */
  rulesOf(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined
}

type AnyRole = Role | ClusterRole
type AnyBinding = RoleBinding | ClusterRoleBinding
/** Without a namespace it is one of the cluster. */
type Named = Pick<AnyRole['metadata'], 'name' | 'namespace'>

export interface ChangingRbacIndex extends RbacIndex {
  /** In the place of the one of its namespace and name, if there is one. */
  putRole(role: AnyRole): void
  removeRole(name: Named): void
  putBinding(binding: AnyBinding): void
  removeBinding(name: Named): void
}

interface Grant {
  readonly subject: Subject
  readonly binding: AnyBinding
}

/** By `User:NAME` or `Group:NAME` (a service account is found by its name as a user), then by the binding. */
type Grants = Map<string, Map<string, Grant>>

export function rbacIndex(): ChangingRbacIndex {
  const roles = new Map<string, readonly PolicyRule[]>()
  const bindings = new Map<string, AnyBinding>()
  /** Those of the cluster are under the empty namespace. */
  const byNamespace = new Map<string, Grants>()
  const rulesOf = ({ kind, name }: RoleRef, namespace: string) =>
    roles.get(kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`)

  function* grantsOf(user: AccessUser, namespace: string): Generator<Grant> {
    for (const place of namespace === '' ? [''] : ['', namespace]) {
      const grants = byNamespace.get(place)
      if (grants) yield* subjectGrants(grants, user)
    }
  }
  return {
    putRole: ({ metadata, rules }) => void roles.set(idOf(metadata), rules ?? []),
    removeRole: (name) => void roles.delete(idOf(name)),
    putBinding(binding) {
      const id = idOf(binding.metadata)
      const { namespace = '' } = binding.metadata
      const grants = byNamespace.get(namespace) ?? new Map()
      byNamespace.set(namespace, grants)
      const before = bindings.get(id)
      bindings.set(id, binding)
      const granted = addGrants(grants, binding, id)
      if (before) removeGrants(grants, before, id, granted)
    },
    removeBinding(name) {
      const id = idOf(name)
      const { namespace = '' } = name
      const [binding, grants] = [bindings.get(id), byNamespace.get(namespace)]
      if (!binding || !grants) return
      bindings.delete(id)
      removeGrants(grants, binding, id)
      if (grants.size === 0) byNamespace.delete(namespace)
    },
    rulesOf,
    authorize(request) {
      let problems: string[] | undefined
      for (const grant of grantsOf(request.user, request.namespace)) {
        const { roleRef } = grant.binding
        const rules = rulesOf(roleRef, request.namespace)
        if (!rules) (problems ??= []).push(missingRole(roleRef))
        else if (rulesAllow(rules, request))
          return { allowed: true, reason: `RBAC: allowed by ${describeGrant(grant)}` }
      }
      return { allowed: false, reason: problems ? `RBAC: ${aggregate(problems)}` : '' }
    },
    rulesFor(user, namespace) {
      const rules: PolicyRule[] = []
      const problems: string[] = []
      for (const { binding } of grantsOf(user, namespace)) {
        const found = rulesOf(binding.roleRef, namespace)
        if (found) rules.push(...found)
        else problems.push(missingRole(binding.roleRef))
      }
      return { rules, problems }
    },
  }
}

const idOf = ({ name = '', namespace = '' }: Named): string => `${namespace}/${name}`

/** Answers the keys under which the binding is found now. A subject that stays keeps its place among the others. */
function addGrants(grants: Grants, binding: AnyBinding, id: string): ReadonlySet<string> {
  const added = new Set<string>()
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, binding.metadata.namespace ?? '')
    if (key === undefined || added.has(key)) continue
    added.add(key)
    const known = grants.get(key)
    if (known) known.set(id, { subject, binding })
    else grants.set(key, new Map([[id, { subject, binding }]]))
  }
  return added
}

function removeGrants(
  grants: Grants,
  binding: AnyBinding,
  id: string,
  kept: ReadonlySet<string> = new Set(),
): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, binding.metadata.namespace ?? '')
    if (key === undefined || kept.has(key)) continue
    const known = grants.get(key)
    known?.delete(id)
    if (known?.size === 0) grants.delete(key)
  }
}

function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User' || kind === 'Group') return `${kind}:${name}`
  const place = namespace || bindingNamespace
  return kind === 'ServiceAccount' && place !== '' ? `User:${serviceAccountUser(place, name)}` : undefined
}

function* subjectGrants(grants: Grants, user: AccessUser): Generator<Grant> {
  const own = grants.get(`User:${user.name}`)
  if (own) yield* own.values()
  for (const group of user.groups) {
    const shared = grants.get(`Group:${group}`)
    if (shared) yield* shared.values()
  }
}

const missingRole = ({ kind, name }: RoleRef): string =>
  `${kind.toLowerCase()}.rbac.authorization.k8s.io ${quote(name)} not found`

/** As Go's errors.NewAggregate prints them. */
const aggregate = (problems: readonly string[]): string => {
  const each = [...new Set(problems)]
  return each.length === 1 ? (each[0] ?? '') : `[${each.join(', ')}]`
}

function describeGrant({ binding: { kind, metadata, roleRef }, subject }: Grant): string {
  const name = kind === 'RoleBinding' ? `${metadata.name}/${metadata.namespace}` : (metadata.name ?? '')
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? ''}` : subject.name
  return `${kind} ${quote(name)} of ${roleRef.kind} ${quote(roleRef.name)} to ${subject.kind} ${quote(who)}`
}
