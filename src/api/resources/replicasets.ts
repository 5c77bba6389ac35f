import { fieldError, type FieldError } from '../field-errors.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ReplicaSet, ReplicaSetSpec } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { ageColumn, containerImages, containerNames, nameColumn } from './cells.ts'
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
import { validateNonnegative } from './validate-values.ts'
import { selectorText, validateSelector, validateTemplate } from './validate-workload.ts'

export const replicaSets: ResourceDef<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  listKind: 'ReplicaSetList',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
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
    return typeNamed('apps.v1.ReplicaSet')
  },
  columns: [
    nameColumn(),
    { name: 'Desired', type: 'integer', value: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Current', type: 'integer', value: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', value: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn(),
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerNames(spec.template?.spec.containers),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerImages(spec.template?.spec.containers),
    },
    { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => selectorText(spec.selector) },
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  applyDefaults: (replicaSet) => {
    replicaSet.spec ??= {} as ReplicaSetSpec // validation says what is missing in it
    const { spec } = replicaSet
    spec.replicas ??= 1
    spec.template ??= { spec: { containers: [] } }
    applyPodTemplateDefaults(spec.template)
  },
  prepareForCreate: (replicaSet) => {
    replicaSet.status = { replicas: 0 }
    replicaSet.metadata.generation = 1
  },
  prepareForUpdate: (replicaSet, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(replicaSet, old)
      setGeneration(replicaSet, old, false)
      return
    }
    keepStatus(replicaSet, old)
    bumpOnSpec(replicaSet, old)
  },
  validate: (replicaSet, old, { subresource }) => {
    if (subresource === 'status') return validateStatus(replicaSet)
    const { spec } = replicaSet
    return [
      ...(old === undefined ? [] : validateImmutable('spec.selector', spec.selector, old.spec.selector)),
      ...validateNonnegative(spec.replicas, 'spec.replicas'),
      ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...validateSelector(spec),
      ...validateTemplate(spec),
    ]
  },
}

const validateStatus = ({ status }: ReplicaSet): readonly FieldError[] => {
  const total = status?.replicas ?? 0
  const available = status?.availableReplicas ?? 0
  const errors: FieldError[] = []
  for (const name of counts) errors.push(...validateNonnegative(status?.[name], `status.${name}`))
  for (const name of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const count = status?.[name] ?? 0
    const why = 'cannot be greater than status.replicas'
    if (count > total) errors.push(fieldError.invalid(`status.${name}`, count, why))
  }
  if (available > (status?.readyReplicas ?? 0)) {
    const why = 'cannot be greater than readyReplicas'
    errors.push(fieldError.invalid('status.availableReplicas', available, why))
  }
  return errors
}

const counts = [
  'replicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'availableReplicas',
  'observedGeneration',
] as const
