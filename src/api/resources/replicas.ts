/** What ReplicaSets and ReplicationControllers have in common: columns, strategy, and a status that counts pods. */
import { fieldError, type FieldError } from '../field-errors.ts'
import type { KubeObject } from '../meta.ts'
import type { Column, ResourceDef } from '../resource.ts'
import type { ObjectMeta, PodTemplateSpec } from '../schema/types.gen.ts'
import { ageColumn, containerImages, containerNames, nameColumn } from './cells.ts'
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

export interface Replicated extends KubeObject {
  metadata: ObjectMeta
  spec: { replicas?: number; template?: PodTemplateSpec }
  status?: {
    replicas: number
    fullyLabeledReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
    observedGeneration?: number
  }
}

export const replicaColumns = <T extends Replicated>(
  selector: (object: T) => string,
): readonly Column<T>[] => [
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
  { name: 'Selector', type: 'string', priority: 1, value: selector },
]

export const replicaStrategy = {
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [scaleSubresource, statusSubresource],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ['spec', 'selector'],
  },
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  prepareForCreate: (object) => {
    object.status = { replicas: 0 }
    object.metadata.generation = 1
  },
  prepareForUpdate: (object, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(object, old)
      setGeneration(object, old, false)
      return
    }
    keepStatus(object, old)
    bumpOnSpec(object, old)
  },
} as const satisfies Partial<ResourceDef<Replicated>>

export const validateReplicaStatus = ({ status }: Replicated): readonly FieldError[] => {
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
