/** kubernetes pkg/apis/autoscaling/validation/validation.go 39308a1 */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { at } from '../../paths.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from '../../schema/types.gen.ts'
import type { Sent } from '../sent.ts'
import { validateNonnegative } from '../validate-values.ts'
import { validateMetric, validateObjectReference } from './validate-metric.ts'

type Errors = readonly FieldError[]

export const validateAutoscaler = (
  spec: HorizontalPodAutoscalerSpec,
  old: HorizontalPodAutoscalerSpec | undefined,
): Errors => {
  const { behavior, metrics = [], minReplicas, scaleTargetRef } = spec
  const maxReplicas = spec.maxReplicas ?? 0
  // Scaling to nothing is behind a feature gate upstream; what is there already may stay.
  const replicasMin = old?.minReplicas === 0 ? 0 : 1
  const field = 'spec.maxReplicas'
  const errors: FieldError[] = []
  if (minReplicas !== undefined && minReplicas < replicasMin) {
    const why = `must be greater than or equal to ${replicasMin}`
    errors.push(fieldError.invalid('spec.minReplicas', minReplicas, why))
  }
  if (maxReplicas < 1) errors.push(fieldError.invalid(field, maxReplicas, 'must be greater than 0'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(fieldError.invalid(field, maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  errors.push(...validateObjectReference(scaleTargetRef ?? {}, 'spec.scaleTargetRef'))
  errors.push(...metrics.flatMap((metric, index) => validateMetric(metric, at('spec.metrics', index))))
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas'
    errors.push(fieldError.forbidden('spec.metrics', why))
  }
  return [
    ...errors,
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ]
}

export const validateAutoscalerStatus = ({ status }: HorizontalPodAutoscaler): Errors => [
  ...validateNonnegative(status?.currentReplicas, 'status.currentReplicas'),
  ...validateNonnegative(status?.desiredReplicas, 'status.desiredReplicas'),
]

const windowSecondsMax = 3_600
const periodSecondsMax = 1_800
const selections: readonly string[] = ['Disabled', 'Max', 'Min']
const policyTypes: readonly string[] = ['Percent', 'Pods']

const validateRules = (rules: HPAScalingRules | undefined, path: string): Errors => {
  if (rules === undefined) return []
  const { policies = [], selectPolicy, stabilizationWindowSeconds: seconds } = rules
  const field = `${path}.stabilizationWindowSeconds`
  const errors: FieldError[] = []
  if (seconds !== undefined && seconds < 0) {
    errors.push(fieldError.invalid(field, seconds, 'must be greater than or equal to zero'))
  }
  if ((seconds ?? 0) > windowSecondsMax) {
    errors.push(fieldError.invalid(field, seconds, `must be less than or equal to ${windowSecondsMax}`))
  }
  if (selectPolicy !== undefined && !selections.includes(selectPolicy)) {
    errors.push(fieldError.notSupported(`${path}.selectPolicy`, selectPolicy, selections))
  }
  if (policies.length === 0) {
    errors.push(fieldError.required(`${path}.policies`, 'must specify at least one Policy'))
  }
  return [
    ...errors,
    ...policies.flatMap((policy, index) => validatePolicy(policy, at(`${path}.policies`, index))),
  ]
}

const validatePolicy = (policy: Sent<HPAScalingPolicy>, path: string): Errors => {
  const { type = '', value = 0, periodSeconds: seconds = 0 } = policy
  const field = `${path}.periodSeconds`
  const positive = 'must be greater than zero'
  const errors: FieldError[] = []
  if (!policyTypes.includes(type)) errors.push(fieldError.notSupported(`${path}.type`, type, policyTypes))
  if (value <= 0) errors.push(fieldError.invalid(`${path}.value`, value, positive))
  if (seconds <= 0) errors.push(fieldError.invalid(field, seconds, positive))
  if (seconds > periodSecondsMax) {
    errors.push(fieldError.invalid(field, seconds, `must be less than or equal to ${periodSecondsMax}`))
  }
  return errors
}
