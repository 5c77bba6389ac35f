/**
 * What a node may do follows from the pods that are bound to it: it reads those, what they refer to, and itself. After
 * kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go eed236c, with references looked up in the pods' watch
 * cache instead of a graph.
 */
import { nodeRules } from '../../api/access/default-roles.ts'
import { rulesAllow } from '../../api/access/rbac.ts'
import {
  noOpinion,
  type AccessDecision,
  type AccessRequest,
  type AccessUser,
} from '../../api/access/request.ts'
import { parseFieldSelector, requiredFieldValue } from '../../api/field-selector.ts'
import { quote } from '../../api/quote.ts'
import type { Foundation } from '../foundation.ts'
import { namespacePrefix, objectKeyOf } from '../keys.ts'
import type { WatchCache } from '../watch-cache.ts'
import { boundPods, type BoundPods } from './bound-pods.ts'

export const nodesGroup = 'system:nodes'
const nodeUserPrefix = 'system:node:'

export interface NodeAuthorizer {
  /** The node's name; undefined for who is no node. */
  nodeOf(user: AccessUser): string | undefined
  decide(node: string, request: AccessRequest): Promise<AccessDecision>
}

export const nodeOf = (user: AccessUser): string | undefined =>
  user.name.startsWith(nodeUserPrefix) && user.groups.includes(nodesGroup)
    ? user.name.slice(nodeUserPrefix.length)
    : undefined

const yes: AccessDecision = { allowed: true, reason: '' }
const reads = new Set(['get', 'list', 'watch'])

export function nodeAuthorizer(machinery: Pick<Foundation, 'cacheOf' | 'findResource'>): NodeAuthorizer {
  const pods = boundPods()
  const podCache = async (): Promise<WatchCache | undefined> => {
    const def = machinery.findResource('', 'v1', 'pods')
    const cache = def && machinery.cacheOf(def)
    await cache?.ready()
    return cache
  }
  return {
    nodeOf,
    async decide(node, request) {
      if (!rulesAllow(nodeRules, request)) return noOpinion
      const own = ownObject(node, request)
      if (own !== 'ask') return own ?? yes
      const cache = await podCache()
      return cache && (await isRelated(pods, cache, node, request)) ? yes : unrelated(node)
    },
  }
}

const unrelated = (node: string): AccessDecision => ({
  allowed: false,
  reason: `no relationship found between node ${quote(node)} and this object`,
})

/** Undefined: allowed. `ask`: it depends on the pods of the node. */
function ownObject(node: string, request: AccessRequest): AccessDecision | 'ask' | undefined {
  const { group, name, namespace, resource, subresource, verb } = request
  const refuse = (reason: string): AccessDecision => ({ allowed: false, reason })
  if (group === 'coordination.k8s.io' && resource === 'leases') {
    if (namespace !== 'kube-node-lease')
      return refuse(`can only access leases in the "kube-node-lease" system namespace`)
    return verb === 'create' || name === node
      ? undefined
      : refuse(`can only access node lease with the same name as the requesting node`)
  }
  if (group !== '' || !request.isResource) return undefined
  switch (resource) {
    case 'nodes':
      return verb === 'create' || name === node
        ? undefined
        : refuse(
            `node ${quote(node)} cannot ${reads.has(verb) ? 'read' : 'update'} ${quote(name)}, only its own Node object`,
          )
    case 'pods':
      if (verb !== 'list' && verb !== 'watch') return 'ask'
      return selectsNode(request, node)
        ? undefined
        : refuse('can only list/watch pods with spec.nodeName field selector')
    case 'configmaps':
    case 'secrets':
      if (namespace === '') return refuse('can only read a resource of this type in a namespace')
      if (name === '') return refuse('can only list or watch a resource of this type by metadata.name')
      return 'ask'
    case 'serviceaccounts':
      return subresource === 'token' ? 'ask' : undefined
    default:
      return undefined
  }
}

async function isRelated(
  pods: BoundPods,
  cache: WatchCache,
  node: string,
  request: AccessRequest,
): Promise<boolean> {
  const { name, namespace, resource } = request
  if (resource === 'pods') {
    const pod = cache.find(objectKeyOf(cache.def, namespace, name))
    // That a pod is gone is something its node has to learn.
    return !pod || pods.factsOf(pod).node === node
  }
  const kind =
    resource === 'secrets' ? 'secrets' : resource === 'configmaps' ? 'configMaps' : 'serviceAccounts'
  const present = cache.range(namespacePrefix(cache.def, namespace))
  for await (const part of cache.slices.of(present, pods.costOf))
    for (const pod of part) {
      const facts = pods.factsOf(pod)
      if (facts.node === node && facts[kind].has(name)) return true
    }
  return false
}

const selectsNode = ({ fieldSelector = '' }: AccessRequest, node: string): boolean =>
  fieldSelector !== '' && requiredFieldValue(parseFieldSelector(fieldSelector), 'spec.nodeName') === node
