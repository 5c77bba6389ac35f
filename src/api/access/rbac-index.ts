/**
 * Roles and bindings, arranged by who they concern: a request looks at the bindings of its user and groups only, however
 * many others there are. Immutable; made anew when a role or a binding has changed.
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

export interface RbacObjects {
  readonly roles: Iterable<Role>
  readonly clusterRoles: Iterable<ClusterRole>
  readonly roleBindings: Iterable<RoleBinding>
  readonly clusterRoleBindings: Iterable<ClusterRoleBinding>
}

export interface RbacIndex {
  authorize(request: AccessRequest): AccessDecision
  /** All rules that a user has in a namespace, those of the cluster included; only those with an empty namespace. */
  rulesFor(user: AccessUser, namespace: string): { readonly rules: PolicyRule[]; readonly problems: string[] }
  /** Undefined: there is no such role. */
  rulesOf(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined
}

interface Grant {
  readonly subject: Subject
  readonly binding: RoleBinding | ClusterRoleBinding
}

/** `User:NAME`, `Group:NAME`: a service account is found by its name as a user. */
type Grants = Map<string, Grant[]>

export function rbacIndex(objects: RbacObjects): RbacIndex {
  const roles = new Map<string, readonly PolicyRule[]>()
  for (const { metadata, rules } of objects.clusterRoles) roles.set(`/${metadata.name ?? ''}`, rules ?? [])
  for (const { metadata, rules } of objects.roles)
    roles.set(`${metadata.namespace ?? ''}/${metadata.name ?? ''}`, rules ?? [])
  const everywhere: Grants = new Map()
  const byNamespace = new Map<string, Grants>()
  for (const binding of objects.clusterRoleBindings) addGrants(everywhere, binding, '')
  for (const binding of objects.roleBindings) {
    const { namespace = '' } = binding.metadata
    let grants = byNamespace.get(namespace)
    if (!grants) byNamespace.set(namespace, (grants = new Map()))
    addGrants(grants, binding, namespace)
  }
  const rulesOf = ({ kind, name }: RoleRef, namespace: string) =>
    roles.get(kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`)

  function* grantsOf(user: AccessUser, namespace: string): Generator<Grant> {
    yield* subjectGrants(everywhere, user)
    const local = namespace === '' ? undefined : byNamespace.get(namespace)
    if (local) yield* subjectGrants(local, user)
  }
  return {
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

function addGrants(grants: Grants, binding: RoleBinding | ClusterRoleBinding, namespace: string): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, namespace)
    if (key === undefined) continue
    const known = grants.get(key)
    if (known) known.push({ subject, binding })
    else grants.set(key, [{ subject, binding }])
  }
}

function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User' || kind === 'Group') return `${kind}:${name}`
  const place = namespace || bindingNamespace
  return kind === 'ServiceAccount' && place !== '' ? `User:${serviceAccountUser(place, name)}` : undefined
}

function* subjectGrants(grants: Grants, user: AccessUser): Generator<Grant> {
  const own = grants.get(`User:${user.name}`)
  if (own) yield* own
  for (const group of user.groups) {
    const shared = grants.get(`Group:${group}`)
    if (shared) yield* shared
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
