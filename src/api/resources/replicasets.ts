import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ReplicaSet, ReplicaSetSpec } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { replicaColumns, replicaStrategy, validateReplicaStatus } from './replicas.ts'
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
  ...replicaStrategy,
  get schema() {
    return typeNamed('apps.v1.ReplicaSet')
  },
  columns: replicaColumns(({ spec }) => selectorText(spec.selector)),
  applyDefaults: (replicaSet) => {
    replicaSet.spec ??= {} as ReplicaSetSpec // validation says what is missing in it
    const { spec } = replicaSet
    spec.replicas ??= 1
    spec.template ??= { spec: { containers: [] } }
    applyPodTemplateDefaults(spec.template)
  },
  validate: (replicaSet, old, { subresource }) => {
    if (subresource === 'status') return validateReplicaStatus(replicaSet)
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
