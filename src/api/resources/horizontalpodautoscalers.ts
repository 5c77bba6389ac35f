import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { HorizontalPodAutoscaler } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { applyAutoscalerDefaults } from './hpa/defaults.ts'
import { metricsText } from './hpa/metrics-text.ts'
import { validateAutoscaler, validateAutoscalerStatus } from './hpa/validate.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'

/** The version that is stored; `hpa/v1.ts` shows the same objects as autoscaling/v1. */
export const horizontalPodAutoscalers: ResourceDef<HorizontalPodAutoscaler> = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  listKind: 'HorizontalPodAutoscalerList',
  plural: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('autoscaling.v2.HorizontalPodAutoscaler')
  },
  columns: [
    nameColumn(),
    {
      name: 'Reference',
      type: 'string',
      value: ({ spec }) => `${spec.scaleTargetRef?.kind ?? ''}/${spec.scaleTargetRef?.name ?? ''}`,
    },
    {
      name: 'Targets',
      type: 'string',
      value: ({ spec, status }) => metricsText(spec.metrics ?? [], status?.currentMetrics ?? []),
    },
    {
      name: 'MinPods',
      type: 'string',
      value: ({ spec }) => (spec.minReplicas === undefined ? '<unset>' : String(spec.minReplicas)),
    },
    { name: 'MaxPods', type: 'string', value: ({ spec }) => spec.maxReplicas ?? 0 },
    { name: 'Replicas', type: 'string', value: ({ status }) => status?.currentReplicas ?? 0 },
    ageColumn(),
  ],
  applyDefaults: applyAutoscalerDefaults,
  prepareForCreate: (autoscaler) => {
    autoscaler.status = { desiredReplicas: 0 }
  },
  prepareForUpdate: (autoscaler, old, { subresource }) => {
    if (subresource === 'status') keepSpec(autoscaler, old)
    else keepStatus(autoscaler, old)
  },
  validate: (autoscaler, old, { subresource }) =>
    subresource === 'status'
      ? validateAutoscalerStatus(autoscaler)
      : validateAutoscaler(autoscaler.spec, old?.spec),
}
