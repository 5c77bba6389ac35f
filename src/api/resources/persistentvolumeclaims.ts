import { isTerminating } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { PersistentVolumeClaim } from '../schema/types.gen.ts'
import { accessModesText } from './access-modes.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { applyClaimDefaults } from './claim-defaults.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'
import { validateClaim, validateClaimStatus } from './validate-claim.ts'

/** Where the class was named before it had a field. */
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

export const persistentVolumeClaims: ResourceDef<PersistentVolumeClaim> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  listKind: 'PersistentVolumeClaimList',
  plural: 'persistentvolumeclaims',
  singular: 'persistentvolumeclaim',
  shortNames: ['pvc'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('core.v1.PersistentVolumeClaim')
  },
  columns: [
    nameColumn(),
    {
      name: 'Status',
      type: 'string',
      value: (claim) => (isTerminating(claim) ? 'Terminating' : (claim.status?.phase ?? '')),
    },
    { name: 'Volume', type: 'string', value: ({ spec }) => spec.volumeName ?? '' },
    {
      name: 'Capacity',
      type: 'string',
      value: (claim) => (isPlaced(claim) ? (claim.status?.capacity?.['storage'] ?? '0') : ''),
    },
    {
      name: 'Access Modes',
      type: 'string',
      value: (claim) => (isPlaced(claim) ? accessModesText(claim.status?.accessModes) : ''),
    },
    {
      name: 'StorageClass',
      type: 'string',
      value: ({ metadata, spec }) => metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '',
    },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      value: ({ spec }) => spec.volumeAttributesClassName ?? '<unset>',
    },
    ageColumn(),
    { name: 'VolumeMode', type: 'string', priority: 1, value: ({ spec }) => spec.volumeMode ?? '<unset>' },
  ],
  applyDefaults: applyClaimDefaults,
  prepareForCreate: (claim) => {
    claim.status = { phase: 'Pending' }
    mirrorDataSource(claim)
  },
  prepareForUpdate: (claim, old, { subresource }) => {
    if (subresource === 'status') keepSpec(claim, old)
    else keepStatus(claim, old)
  },
  validate: (claim, old, { subresource }) =>
    subresource === 'status' ? validateClaimStatus(claim) : validateClaim(claim, old),
}

/** It has been given a volume: from then on the table shows what it got instead of what it asked for. */
const isPlaced = ({ spec }: PersistentVolumeClaim): boolean => (spec.volumeName ?? '') !== ''

/** `dataSource` is the old name of `dataSourceRef`; clients read either. */
const mirrorDataSource = ({ spec }: PersistentVolumeClaim): void => {
  const { dataSource, dataSourceRef } = spec
  if (dataSource !== undefined && dataSourceRef === undefined) spec.dataSourceRef = { ...dataSource }
  if (dataSourceRef === undefined || dataSource !== undefined) return
  const { namespace, ...local } = dataSourceRef
  if ((namespace ?? '') === '') spec.dataSource = local
}
