/**
 * What access control decides on, and how it says no. Everything in this folder is pure: rules and requests in, answers out.
 * Start at `rbac.ts` (one rule), then `rbac-index.ts` (who has which rules), `escalation.ts` (who may grant what).
 */
import type { GroupResource } from '../meta.ts'
import { quote } from '../quote.ts'
import { forbidden, type StatusError } from '../status.ts'

export interface AccessUser {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** One question to the authorizer. Fields that don't apply are empty. */
export interface AccessRequest {
  readonly user: AccessUser
  /** A verb of the API, or the HTTP method in lower case for a path that is no resource. */
  readonly verb: string
  readonly isResource: boolean
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly path: string
  /** As a list or watch has it. */
  readonly fieldSelector?: string
}

/** `reason` says who allowed it, or why nobody could tell; often empty for a refusal. */
export interface AccessDecision {
  readonly allowed: boolean
  readonly reason: string
}

export const noOpinion: AccessDecision = { allowed: false, reason: '' }

/** The fields of a request about objects; the rest are empty. */
export const resourceAccess = (
  user: AccessUser,
  verb: string,
  resource: GroupResource & { readonly subresource?: string },
  place: { readonly namespace?: string; readonly name?: string } = {},
): AccessRequest => ({
  user,
  verb,
  isResource: true,
  group: resource.group,
  resource: resource.resource,
  subresource: resource.subresource ?? '',
  namespace: place.namespace ?? '',
  name: place.name ?? '',
  path: '',
})

/** In upstream's words (apiserver pkg/endpoints/handlers/responsewriters/errors.go eed236c). */
export function accessDenied(request: AccessRequest, reason: string): StatusError {
  const { group, isResource, name, namespace, path, resource, subresource, user, verb } = request
  const more = reason === '' ? '' : `: ${reason}`
  const who = `User ${quote(user.name)} cannot ${verb}`
  if (!isResource) return forbidden(undefined, '', `${who} path ${quote(path)}${more}`)
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(namespace)}`
  const why = `${who} resource ${quote(what)} in API group ${quote(group)} ${where}${more}`
  return forbidden({ group, resource }, name, why)
}
