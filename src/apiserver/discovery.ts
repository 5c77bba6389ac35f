/**
 * What this server offers, derived from the resource table: aggregated discovery (one request for all of a root), and the
 * legacy documents that `kubectl drain`, `auth can-i` and older clients walk.
 */
import { apiVersionOf } from '../api/meta.ts'
import type { ResourceDef, SubresourceDef } from '../api/resource.ts'
import { parseAccept } from './negotiate.ts'

export interface DiscoveryDocument {
  readonly contentType: string
  readonly body: object
}

/** Undefined when there is no such document. `path` begins with `/api` or `/apis`. */
export function discoveryDocument(
  path: string,
  accept: string | undefined,
  resources: readonly ResourceDef[],
): DiscoveryDocument | undefined {
  const [root, ...rest] = path.split('/').filter((segment) => segment !== '')
  const isCore = root === 'api'
  const own = resources.filter(({ group }) => (group === '') === isCore)
  if (rest.length === 0) {
    const version = aggregatedVersion(accept)
    if (version !== undefined)
      return {
        contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
        body: aggregated(own, version),
      }
    return json(
      isCore
        ? apiVersions(own)
        : {
            kind: 'APIGroupList',
            apiVersion: 'v1',
            groups: groupsOf(own).map((group) => groupOf(own, group)),
          },
    )
  }
  const [first = '', second] = rest
  if (!isCore && rest.length === 1) {
    const group = own.filter((def) => def.group === first)
    return group.length > 0 ? json({ kind: 'APIGroup', apiVersion: 'v1', ...groupOf(own, first) }) : undefined
  }
  const [group, version] = isCore ? ['', first] : [first, second ?? '']
  if (rest.length > (isCore ? 1 : 2)) return undefined
  const listed = own.filter((def) => def.group === group && def.version === version)
  return listed.length > 0 ? json(resourceList(group, version, listed)) : undefined
}

const json = (body: object): DiscoveryDocument => ({ contentType: 'application/json', body })

/** The version that the client would rather have than the legacy document. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, parameters } of parseAccept(accept)) {
    const { as, g, v } = parameters
    const isAggregated = as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io'
    if (isAggregated && (v === 'v2' || v === 'v2beta1')) return v
    if (as === undefined && type !== 'application/vnd.kubernetes.protobuf') return undefined
  }
  return undefined
}

/** Groups in the order of the table: clients take the first match of a short name. */
const groupsOf = (resources: readonly ResourceDef[]): string[] => [
  ...new Set(resources.map(({ group }) => group)),
]

const versionsOf = (resources: readonly ResourceDef[], group: string): string[] => [
  ...new Set(resources.filter((def) => def.group === group).map(({ version }) => version)),
]

const aggregated = (resources: readonly ResourceDef[], version: string): object => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: groupsOf(resources).map((group) => ({
    metadata: { name: group, creationTimestamp: null },
    versions: versionsOf(resources, group).map((each) => ({
      version: each,
      resources: [
        ...(group === '' ? [virtualBinding] : []),
        ...resources.filter((def) => def.group === group && def.version === each).map(aggregatedResource),
      ],
      freshness: 'Current',
    })),
  })),
})

const virtualBinding = {
  resource: 'bindings',
  responseKind: { group: '', version: 'v1', kind: 'Binding' },
  scope: 'Namespaced',
  singularResource: 'binding',
  verbs: ['create'],
}

const aggregatedResource = (def: ResourceDef): object => ({
  resource: def.plural,
  responseKind: { group: def.group, version: def.version, kind: def.kind },
  scope: def.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: def.singular,
  verbs: def.verbs.toSorted(),
  ...(def.shortNames.length > 0 && { shortNames: def.shortNames }),
  ...(def.categories.length > 0 && { categories: def.categories }),
  ...(def.subresources.length > 0 && {
    subresources: def.subresources.map((subresource) => ({
      subresource: subresource.name,
      responseKind: bodyKindOf(def, subresource),
      verbs: subresource.verbs.toSorted(),
    })),
  }),
})

const bodyKindOf = (def: ResourceDef, { body }: SubresourceDef) => ({
  group: body?.group ?? def.group,
  version: body?.version ?? def.version,
  kind: body?.kind ?? def.kind,
})

const serverAddresses = [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }]

const apiVersions = (resources: readonly ResourceDef[]): object => ({
  kind: 'APIVersions',
  versions: versionsOf(resources, ''),
  serverAddressByClientCIDRs: serverAddresses,
})

function groupOf(resources: readonly ResourceDef[], name: string): object {
  const versions = versionsOf(resources, name).map((version) => ({
    groupVersion: apiVersionOf(name, version),
    version,
  }))
  return { name, versions, preferredVersion: versions[0] }
}

const resourceList = (group: string, version: string, resources: readonly ResourceDef[]): object => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: apiVersionOf(group, version),
  resources: [
    ...(group === ''
      ? [{ name: 'bindings', singularName: 'binding', namespaced: true, kind: 'Binding', verbs: ['create'] }]
      : []),
    ...resources.flatMap(legacyResources),
  ],
})

const legacyResources = (def: ResourceDef): object[] => [
  {
    name: def.plural,
    singularName: def.singular,
    namespaced: def.namespaced,
    kind: def.kind,
    verbs: def.verbs.toSorted(),
    ...(def.shortNames.length > 0 && { shortNames: def.shortNames }),
    ...(def.categories.length > 0 && { categories: def.categories }),
  },
  ...def.subresources.map((subresource) => ({
    name: `${def.plural}/${subresource.name}`,
    singularName: '',
    namespaced: def.namespaced,
    ...(subresource.body && { group: subresource.body.group, version: subresource.body.version }),
    kind: subresource.body?.kind ?? def.kind,
    verbs: subresource.verbs.toSorted(),
  })),
]
