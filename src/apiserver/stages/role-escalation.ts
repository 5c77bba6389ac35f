/**
 * Nobody grants more than they have: a role's rules must be covered by those of its author, a bound role's by those of
 * who binds it, unless they hold the verb `escalate` or `bind` on it (kubernetes pkg/registry/rbac/{clusterrole,
 * clusterrolebinding}/policybased/storage.go eed236c).
 */
import {
  escalationMessage,
  fullAuthority,
  missingRules,
  permissionsIn,
  permissionsMax,
} from '../../api/access/escalation.ts'
import { resourceAccess } from '../../api/access/request.ts'
import { isEqual } from '../../api/equal.ts'
import type { KubeObject } from '../../api/meta.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { ClusterRole, PolicyRule, RoleBinding } from '../../api/schema/types.gen.ts'
import { forbidden, notFound } from '../../api/status.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'
import { mastersGroup } from './authenticate.ts'
import { rbacGroup } from './role-index.ts'

export const roleEscalation: AdmissionStep = {
  name: 'RoleEscalation',
  admit(request) {
    const { def, operation, user } = request
    if (def.group !== rbacGroup || operation === 'delete' || user.groups.includes(mastersGroup))
      return undefined
    const isRole = def.plural === 'roles' || def.plural === 'clusterroles'
    return isRole ? checkRole(request) : checkBinding(request)
  },
}

type Granting = Pick<RoleBinding, 'roleRef' | 'subjects'> & KubeObject

async function checkRole(request: AdmissionRequest): Promise<void> {
  const { def, object, old } = request
  const role = object as ClusterRole & KubeObject
  const before = old as (ClusterRole & KubeObject) | undefined
  const isSame =
    before &&
    isEqual(role.rules ?? [], before.rules ?? []) &&
    isEqual(role.aggregationRule, before.aggregationRule)
  if (isSame || (await mayDo(request, 'escalate', def.plural, object.metadata.name ?? ''))) return
  if ((role.aggregationRule?.clusterRoleSelectors ?? []).length > 0) {
    const why = 'must have cluster-admin privileges to use the aggregationRule'
    if ((await lacking(request, fullAuthority)).length > 0) throw refusal(request, why)
  }
  await confirm(request, role.rules ?? [])
}

async function checkBinding(request: AdmissionRequest): Promise<void> {
  const { machinery, object, old } = request
  const binding = object as Granting
  const before = old as Granting | undefined
  const isSame =
    before &&
    isEqual(binding.roleRef, before.roleRef) &&
    isEqual(binding.subjects ?? [], before.subjects ?? [])
  if (isSame) return
  const { kind, name } = binding.roleRef
  const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (await mayDo(request, 'bind', resource, name)) return
  const rules = (await machinery.access.roles())?.rulesOf(binding.roleRef, object.metadata.namespace ?? '')
  if (!rules) throw notFound({ group: rbacGroup, resource }, name)
  await confirm(request, rules)
}

async function mayDo(
  { machinery, object, user }: AdmissionRequest,
  verb: string,
  resource: string,
  name: string,
): Promise<boolean> {
  const place = { namespace: object.metadata.namespace ?? '', name }
  const { allowed } = await machinery.access.decide(
    resourceAccess(user, verb, { group: rbacGroup, resource }, place),
  )
  return allowed
}

async function lacking(
  { machinery, object, user }: AdmissionRequest,
  rules: readonly PolicyRule[],
): Promise<PolicyRule[]> {
  const index = await machinery.access.roles()
  const owned = index?.rulesFor(user, object.metadata.namespace ?? '').rules ?? []
  return missingRules(owned, rules)
}

async function confirm(request: AdmissionRequest, rules: readonly PolicyRule[]): Promise<void> {
  if (permissionsIn(rules) > permissionsMax)
    throw refusal(request, `the rules are more than ${permissionsMax} permissions in one role; use several`)
  const missing = await lacking(request, rules)
  if (missing.length > 0) throw refusal(request, escalationMessage(request.user, missing))
}

const refusal = ({ def, object }: AdmissionRequest, why: string) =>
  forbidden(groupResourceOf(def), object.metadata.name ?? '', why)
