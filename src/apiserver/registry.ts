/** From a resource request to its verb. One table for objects, one for the subresources that are code. */
import { groupResourceOf, type ResourceDef, type Verb } from '../api/resource.ts'
import { methodNotAllowed, notFound, unknownResource } from '../api/status.ts'
import type { VerbContext, VerbHandler } from './context.ts'
import type { ApiResponse } from './http.ts'
import type { RequestInfo, RequestVerb } from './request-info.ts'
import { binding } from './subresources/binding.ts'
import { ephemeralContainers, upgradeOnly } from './subresources/refusals.ts'
import { eviction } from './subresources/eviction.ts'
import { log } from './subresources/log.ts'
import { profile } from './subresources/profile.ts'
import { nodeProxy, proxy } from './subresources/proxy.ts'
import { reviews } from './subresources/reviews.ts'
import { scale } from './subresources/scale.ts'
import { tokenRequest } from './subresources/token-request.ts'
import { usageMetrics } from './subresources/usage-metrics.ts'
import { create } from './verbs/create.ts'
import { deleteCollection } from './verbs/delete-collection.ts'
import { deleteOne } from './verbs/delete.ts'
import { get } from './verbs/get.ts'
import { list } from './verbs/list.ts'
import { patch } from './verbs/patch.ts'
import { update } from './verbs/update.ts'
import { watch } from './verbs/watch.ts'

const objectVerbs: Readonly<Record<Verb, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
}

/** Subresources that are no view of the object. The others (status, finalize, …) are its verbs under another strategy. */
const subresources: Readonly<Record<string, VerbHandler>> = {
  'nodes/proxy': nodeProxy,
  'pods/attach': upgradeOnly,
  'pods/binding': binding,
  'pods/ephemeralcontainers': ephemeralContainers,
  'pods/eviction': eviction,
  'pods/exec': upgradeOnly,
  'pods/inspect': upgradeOnly,
  'pods/log': log,
  'pods/portforward': upgradeOnly,
  'pods/profile': profile,
  'pods/proxy': proxy,
  'serviceaccounts/token': tokenRequest,
  'services/proxy': proxy,
}

/** Core resources that hold nothing: writing one is an act. */
export const virtualResources = { bindings: binding } as const satisfies Readonly<Record<string, VerbHandler>>

export function dispatch(context: VerbContext): Promise<ApiResponse> {
  const { def, info } = context
  checkPlace(def, info)
  if (info.subresource !== '') return dispatchSubresource(context)
  if (info.verb === 'other' || !def.verbs.includes(info.verb) || isMisdirected(info)) throw methodNotAllowed()
  const id = `${def.group}/${def.plural}`
  const own = reviews[id] ?? usageMetrics[id]
  return own ? own(context) : objectVerbs[info.verb](context)
}

/** A collection is posted to, an object is put and patched. */
const isMisdirected = ({ name, verb }: RequestInfo): boolean =>
  name === '' ? verb === 'update' || verb === 'patch' : verb === 'create'

function dispatchSubresource(context: VerbContext): Promise<ApiResponse> {
  const { def, info } = context
  const subresource = def.subresources.find(({ name }) => name === info.subresource)
  if (!subresource) throw unknownResource()
  const verbs: readonly RequestVerb[] = subresource.verbs
  if (!verbs.includes(info.verb)) throw methodNotAllowed()
  if (subresource.name === 'scale') return scale(context)
  const own = def.group === '' ? subresources[`${def.plural}/${subresource.name}`] : undefined
  if (own) return own(context)
  if (info.verb === 'get' || info.verb === 'update' || info.verb === 'patch')
    return objectVerbs[info.verb](context)
  throw methodNotAllowed()
}

/** No kind's names are longer. */
const nameLengthMax = 253

/**
 * A name with a slash would reach into another namespace's keys, and a namespaced object has no place outside of
 * one: neither can exist. Whoever serves a request asks first: a role in a namespace says nothing of what has none.
 */
export function checkPlace(def: ResourceDef, info: RequestInfo): void {
  const isOdd = [info.name, info.namespace].some((word) => word.includes('/') || word.length > nameLengthMax)
  const isMisplaced = def.namespaced
    ? info.name !== '' && info.namespace === ''
    : info.namespace !== '' && def.plural !== 'namespaces'
  if (isMisplaced) throw unknownResource()
  // Reading across namespaces is one thing; writing needs one.
  if (def.namespaced && info.namespace === '' && info.verb !== 'list' && info.verb !== 'watch')
    throw methodNotAllowed()
  if (isOdd) throw notFound(groupResourceOf(def), info.name)
}
