import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { EndpointSlice } from '../schema/types.gen.ts'
import { ageColumn, firstFew, nameColumn } from './cells.ts'
import { semanticEqual } from './semantic-equal.ts'
import { allVerbs, setGeneration } from './strategy.ts'
import { validateEndpointSlice } from './validate-endpoint-slice.ts'

export const endpointSlices: ResourceDef<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  listKind: 'EndpointSliceList',
  plural: 'endpointslices',
  singular: 'endpointslice',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('discovery.v1.EndpointSlice')
  },
  columns: [
    nameColumn(),
    { name: 'AddressType', type: 'string', value: ({ addressType }) => addressType ?? '' },
    {
      name: 'Ports',
      type: 'string',
      value: ({ ports }) => firstFew((ports ?? []).map(({ port, name }) => String(port ?? name ?? '*'))),
    },
    {
      name: 'Endpoints',
      type: 'string',
      value: ({ endpoints }) => firstFew((endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])),
    },
    ageColumn(),
  ],
  applyDefaults: ({ ports }) => {
    for (const port of ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  prepareForCreate: (slice) => {
    slice.metadata.generation = 1
  },
  prepareForUpdate: (slice, old) => {
    const { metadata, ...now } = slice
    const { metadata: oldMetadata, ...before } = old
    const isChanged = !semanticEqual(now, before) || !semanticEqual(metadata.labels, oldMetadata.labels)
    setGeneration(slice, old, isChanged)
  },
  validate: validateEndpointSlice,
}
