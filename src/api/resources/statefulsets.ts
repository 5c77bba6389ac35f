import { checkDns1123Label } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { StatefulSet, StatefulSetSpec } from '../schema/types.gen.ts'
import { ageColumn, containerImages, containerNames, nameColumn } from './cells.ts'
import { applyClaimDefaults } from './claim-defaults.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import {
  allVerbs,
  bumpOnSpec,
  keepSpec,
  keepStatus,
  scaleSubresource,
  setGeneration,
  statusSubresource,
} from './strategy.ts'
import { validateStatefulSet, validateStatefulSetStatus } from './validate-stateful-set.ts'

export const statefulSets: ResourceDef<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  listKind: 'StatefulSetList',
  plural: 'statefulsets',
  singular: 'statefulset',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [scaleSubresource, statusSubresource],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ['spec', 'selector'],
  },
  get schema() {
    return typeNamed('apps.v1.StatefulSet')
  },
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    ageColumn(),
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerNames(spec.template.spec.containers),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerImages(spec.template.spec.containers),
    },
  ],
  // Its pods are called NAME-0, NAME-1, …, and that is their host name.
  validateName: checkDns1123Label,
  applyDefaults: (set) => {
    set.spec ??= {} as StatefulSetSpec // validation says what is missing in it
    applySpecDefaults(set.spec)
  },
  prepareForCreate: (set) => {
    set.status = { replicas: 0 }
    set.metadata.generation = 1
  },
  prepareForUpdate: (set, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(set, old)
      setGeneration(set, old, false)
      return
    }
    keepStatus(set, old)
    bumpOnSpec(set, old)
  },
  validate: (set, old, { subresource }) =>
    subresource === 'status' ? validateStatefulSetStatus(set, old) : validateStatefulSet(set.spec, old?.spec),
}

/** kubernetes pkg/apis/apps/v1/defaults.go */
const applySpecDefaults = (spec: StatefulSetSpec): void => {
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {}
    spec.updateStrategy.rollingUpdate.partition ??= 0
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain'
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain'
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  spec.template ??= { spec: { containers: [] } }
  applyPodTemplateDefaults(spec.template)
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ||= 'v1'
    claim.kind ||= 'PersistentVolumeClaim'
    claim.metadata ??= {}
    applyClaimDefaults(claim)
  }
}
