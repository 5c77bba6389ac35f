import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ResourceQuota } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { canonicalizeAmounts } from './resource-list.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'
import { validateResourceQuota, validateResourceQuotaStatus } from './validate-resource-quota.ts'

export const resourceQuotas: ResourceDef<ResourceQuota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  listKind: 'ResourceQuotaList',
  plural: 'resourcequotas',
  singular: 'resourcequota',
  shortNames: ['quota'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('core.v1.ResourceQuota')
  },
  columns: [
    nameColumn(),
    { name: 'Request', type: 'string', value: (quota) => usageText(quota, (name) => !isLimit(name)) },
    { name: 'Limit', type: 'string', value: (quota) => usageText(quota, isLimit) },
    ageColumn(),
  ],
  applyDefaults: (quota) => {
    quota.spec ??= {}
    canonicalizeAmounts(quota.spec.hard)
    canonicalizeAmounts(quota.status?.hard)
    canonicalizeAmounts(quota.status?.used)
  },
  prepareForCreate: (quota) => {
    quota.status = {}
  },
  prepareForUpdate: (quota, old, { subresource }) => {
    if (subresource === 'status') keepSpec(quota, old)
    else keepStatus(quota, old)
  },
  validate: (quota, old, { subresource }) =>
    subresource === 'status'
      ? validateResourceQuotaStatus(quota)
      : validateResourceQuota(quota.spec, old?.spec),
}

const isLimit = (name: string): boolean => name.startsWith('limits.')

/** `pods: 1/10, requests.cpu: 100m/1` */
const usageText = ({ status }: ResourceQuota, isWanted: (name: string) => boolean): string =>
  Object.entries(status?.hard ?? {})
    .filter(([name]) => isWanted(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ')
