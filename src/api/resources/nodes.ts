import type { Column, ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Node } from '../schema/types.gen.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { canonicalizeAmounts } from './resource-list.ts'
import { allVerbs, keepSpec, keepStatus, proxySubresource, statusSubresource } from './strategy.ts'
import { validateNode, validateNodeUpdate } from './validate-node.ts'

export const nodes: ResourceDef<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  listKind: 'NodeList',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [proxySubresource, statusSubresource],
  get schema() {
    return typeNamed('core.v1.Node')
  },
  get columns() {
    return columns
  },
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
  applyDefaults: (node) => {
    node.spec ??= {}
    const { spec, status } = node
    // `podCIDR` is the old, single form of `podCIDRs`.
    if (spec.podCIDRs === undefined && (spec.podCIDR ?? '') !== '') spec.podCIDRs = [spec.podCIDR ?? '']
    if (spec.podCIDR === undefined && spec.podCIDRs?.[0] !== undefined) spec.podCIDR = spec.podCIDRs[0]
    if (status === undefined) return
    canonicalizeAmounts(status.capacity)
    canonicalizeAmounts(status.allocatable)
    if (status.capacity !== undefined) status.allocatable ??= { ...status.capacity }
  },
  // A node brings its status with it: the agent registers itself in one request.
  prepareForUpdate: (node, old, { subresource }) => {
    if (subresource === 'status') keepSpec(node, old)
    else keepStatus(node, old)
  },
  validate: (node, old) => (old === undefined ? validateNode(node) : validateNodeUpdate(node, old)),
}

const columns: readonly Column<Node>[] = [
  nameColumn(),
  { name: 'Status', type: 'string', value: (node) => nodeStatus(node) },
  { name: 'Roles', type: 'string', value: (node) => nodeRoles(node) },
  ageColumn(),
  { name: 'Version', type: 'string', value: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '' },
  { name: 'Internal-IP', type: 'string', priority: 1, value: (node) => address(node, 'InternalIP') },
  { name: 'External-IP', type: 'string', priority: 1, value: (node) => address(node, 'ExternalIP') },
  { name: 'OS-Image', type: 'string', priority: 1, value: (node) => info(node, 'osImage') },
  { name: 'Kernel-Version', type: 'string', priority: 1, value: (node) => info(node, 'kernelVersion') },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    value: (node) => info(node, 'containerRuntimeVersion'),
  },
]

const nodeStatus = ({ spec, status }: Node): string => {
  const ready = (status?.conditions ?? []).find(({ type }) => type === 'Ready')
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady']
  if (spec.unschedulable === true) words.push('SchedulingDisabled')
  return words.join(',')
}

const rolePrefix = 'node-role.kubernetes.io/'

const nodeRoles = ({ metadata }: Node): string => {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key !== rolePrefix) roles.add(key.slice(rolePrefix.length))
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value)
  }
  return roles.size === 0 ? none : [...roles].toSorted().join(',')
}

const address = ({ status }: Node, wanted: string): string =>
  (status?.addresses ?? []).find(({ type }) => type === wanted)?.address ?? none

const info = ({ status }: Node, name: 'osImage' | 'kernelVersion' | 'containerRuntimeVersion'): string =>
  status?.nodeInfo?.[name] || '<unknown>'
