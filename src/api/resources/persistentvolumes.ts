import { isTerminating } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { PersistentVolume, PersistentVolumeSpec } from '../schema/types.gen.ts'
import { accessModesText } from './access-modes.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { classAnnotation } from './persistentvolumeclaims.ts'
import { canonicalizeAmounts } from './resource-list.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'
import { validatePersistentVolume } from './validate-persistent-volume.ts'

export const persistentVolumes: ResourceDef<PersistentVolume> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  listKind: 'PersistentVolumeList',
  plural: 'persistentvolumes',
  singular: 'persistentvolume',
  shortNames: ['pv'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('core.v1.PersistentVolume')
  },
  columns: [
    nameColumn(),
    { name: 'Capacity', type: 'string', value: ({ spec }) => spec.capacity?.['storage'] ?? '0' },
    { name: 'Access Modes', type: 'string', value: ({ spec }) => accessModesText(spec.accessModes) },
    { name: 'Reclaim Policy', type: 'string', value: ({ spec }) => spec.persistentVolumeReclaimPolicy ?? '' },
    {
      name: 'Status',
      type: 'string',
      value: (volume) => (isTerminating(volume) ? 'Terminating' : (volume.status?.phase ?? '')),
    },
    { name: 'Claim', type: 'string', value: ({ spec }) => claimText(spec) },
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
    { name: 'Reason', type: 'string', value: ({ status }) => status?.reason ?? '' },
    ageColumn(),
    { name: 'VolumeMode', type: 'string', priority: 1, value: ({ spec }) => spec.volumeMode ?? '<unset>' },
  ],
  applyDefaults: (volume) => {
    volume.spec ??= {}
    const { spec } = volume
    spec.persistentVolumeReclaimPolicy ||= 'Retain'
    spec.volumeMode ??= 'Filesystem'
    if (spec.hostPath !== undefined) spec.hostPath.type ??= ''
    canonicalizeAmounts(spec.capacity)
    volume.status ??= {}
    volume.status.phase ||= 'Pending'
  },
  prepareForCreate: (volume, { nowIso }) => {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: nowIso }
  },
  prepareForUpdate: (volume, old, { nowIso, subresource }) => {
    if (subresource !== 'status') {
      keepStatus(volume, old)
      return
    }
    keepSpec(volume, old)
    const { status = {} } = volume
    const isDated = status.lastPhaseTransitionTime !== old.status?.lastPhaseTransitionTime
    if (status.phase !== old.status?.phase && !isDated) status.lastPhaseTransitionTime = nowIso
  },
  validate: (volume, old, { subresource }) =>
    subresource === 'status' ? [] : validatePersistentVolume(volume.spec, old?.spec),
}

const claimText = ({ claimRef }: PersistentVolumeSpec): string =>
  claimRef === undefined ? '' : `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`
