/**
 * Whether this user may do this. Asked in order, the first yes counts: masters, the node authorizer (what a node needs for
 * its pods), the roles.
 */
import { accessDenied, noOpinion, type AccessDecision, type AccessRequest } from '../../api/access/request.ts'
import { parseFieldSelector, requiredFieldValue } from '../../api/field-selector.ts'
import type { Foundation } from '../foundation.ts'
import type { UserInfo } from '../http.ts'
import type { RequestInfo } from '../request-info.ts'
import { mastersGroup } from './authenticate.ts'
import { nodeAuthorizer } from './node-authorizer.ts'
import type { RoleIndex } from './role-index.ts'

/** Asked by load balancers and by clients before they log in. */
const publicPaths = /^\/(healthz|livez|readyz)(\/|$)|^\/version\/?$/

export const isPublic = ({ path }: Pick<RequestInfo, 'path'>): boolean => publicPaths.test(path)

/** A promise only while rules have to be read: usually the answer is there at once. */
export interface Authorizer {
  decide(request: AccessRequest): AccessDecision | Promise<AccessDecision>
}

type Sources = Pick<Foundation, 'cacheOf' | 'findResource'>

/** Without roles in the table there are no rules to go by: then only masters may do anything. */
export function createAuthorizer(machinery: Sources, roles: RoleIndex | undefined): Authorizer {
  const nodes = nodeAuthorizer(machinery)
  const decideByRoles = (request: AccessRequest): AccessDecision | Promise<AccessDecision> => {
    if (!roles) return noOpinion
    const index = roles.current()
    return index instanceof Promise
      ? index.then((loaded) => loaded.authorize(request))
      : index.authorize(request)
  }
  return {
    decide(request) {
      if (request.user.groups.includes(mastersGroup)) return { allowed: true, reason: '' }
      const node = nodes.nodeOf(request.user)
      return node === undefined || !roles
        ? decideByRoles(request)
        : decideForNode(nodes.decide(node, request), () => decideByRoles(request))
    },
  }
}

async function decideForNode(
  asked: Promise<AccessDecision>,
  others: () => AccessDecision | Promise<AccessDecision>,
): Promise<AccessDecision> {
  const own = await asked
  if (own.allowed) return own
  const other = await others()
  if (other.allowed) return other
  return { allowed: false, reason: [own.reason, other.reason].filter((reason) => reason !== '').join('\n') }
}

/** Throws Forbidden. Answers at once where it can. */
export function authorize(authorizer: Authorizer, user: UserInfo, info: RequestInfo): void | Promise<void> {
  if (isPublic(info)) return undefined
  const request = accessRequestOf(user, info)
  const decision = authorizer.decide(request)
  if (decision instanceof Promise) return decision.then((decided) => check(request, decided))
  return check(request, decision)
}

/** An apply or a PUT of what isn't there: whoever may only change must not create. Throws Forbidden. */
export async function authorizeCreate(
  authorizer: Authorizer,
  user: UserInfo,
  info: RequestInfo,
): Promise<void> {
  await authorize(authorizer, user, { ...info, verb: 'create' })
}

/** For what a request does beyond its own verb. Throws Forbidden. */
export async function authorizeVerb(
  authorizer: Authorizer,
  { user, info, verb }: { readonly user: UserInfo; readonly info: RequestInfo; readonly verb: string },
): Promise<void> {
  const request = { ...accessRequestOf(user, info), verb }
  check(request, await authorizer.decide(request))
}

function check(request: AccessRequest, { allowed, reason }: AccessDecision): void {
  if (!allowed) throw accessDenied(request, reason)
}

export function accessRequestOf(user: UserInfo, info: RequestInfo): AccessRequest {
  const { group, isResource, method, namespace, path, resource, verb } = info
  const subresource = subresourceOf(info)
  const action = !isResource || verb === 'other' ? method.toLowerCase() : verb
  const fieldSelector = info.query.get('fieldSelector')
  const name = nameOf(info)
  const request = { user, verb: action, isResource, group, resource, subresource, namespace, name, path }
  return fieldSelector === null ? request : { ...request, fieldSelector }
}

/**
 * Looking into a process takes no more than running a command beside it, which could do the same: roles that allow one allow
 * the other, without having heard of it.
 */
const subresourceOf = ({ group, resource, subresource }: RequestInfo): string =>
  group === '' && resource === 'pods' && (subresource === 'inspect' || subresource === 'profile')
    ? 'exec'
    : subresource

/** A list or watch of one name counts as a request for that object. */
function nameOf({ name, query, verb }: RequestInfo): string {
  if (name !== '' || (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection')) return name
  const text = query.get('fieldSelector') ?? ''
  if (!text.includes('metadata.name')) return name
  return requiredFieldValue(parseFieldSelector(text), 'metadata.name') ?? name
}
