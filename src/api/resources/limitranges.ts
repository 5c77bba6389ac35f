import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { LimitRange, LimitRangeItem } from '../schema/types.gen.ts'
import { createdAtColumn, nameColumn } from './cells.ts'
import { canonicalizeAmounts } from './resource-list.ts'
import { allVerbs } from './strategy.ts'
import { limitLists, validateLimitRange } from './validate-limit-range.ts'

export const limitRanges: ResourceDef<LimitRange> = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  listKind: 'LimitRangeList',
  plural: 'limitranges',
  singular: 'limitrange',
  shortNames: ['limits'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.LimitRange')
  },
  columns: [nameColumn(), createdAtColumn()],
  createOnUpdate: true,
  applyDefaults: (range) => {
    range.spec ??= { limits: [] }
    for (const item of range.spec.limits ?? []) applyItemDefaults(item)
  },
  validate: ({ spec }) => validateLimitRange(spec.limits ?? []),
}

/** What a container gets that names nothing follows from what it may have (kubernetes pkg/apis/core/v1/defaults.go). */
const applyItemDefaults = (item: LimitRangeItem): void => {
  for (const list of limitLists) canonicalizeAmounts(item[list])
  if (item.type !== 'Container') return
  const limits = { ...item.max, ...item.default }
  const requests = { ...item.min, ...limits, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}
