/** Whether this user may do this. The seam for RBAC; until then everybody who is somebody may do everything. */
import { quote } from '../../api/quote.ts'
import { forbidden } from '../../api/status.ts'
import type { UserInfo } from '../http.ts'
import type { RequestInfo } from '../request-info.ts'
import { authenticatedGroup, mastersGroup } from './authenticate.ts'

/** Asked by load balancers and by clients before they log in. */
const publicPaths = /^\/(healthz|livez|readyz)(\/|$)|^\/version\/?$/

export const isPublic = ({ path }: Pick<RequestInfo, 'path'>): boolean => publicPaths.test(path)

/** Throws Forbidden. */
export function authorize(user: UserInfo, info: RequestInfo): void {
  if (user.groups.includes(mastersGroup) || user.groups.includes(authenticatedGroup) || isPublic(info)) return
  const who = `User ${quote(user.name)} cannot`
  if (!info.isResource)
    throw forbidden(undefined, '', `${who} ${info.method.toLowerCase()} path ${quote(info.path)}`)
  const resource = { group: info.group, resource: info.resource }
  const what = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`
  const where = info.namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(info.namespace)}`
  const why = `${who} ${info.verb} resource ${quote(what)} in API group ${quote(info.group)} ${where}`
  throw forbidden(resource, info.name, why)
}
