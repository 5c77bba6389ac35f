/** kubernetes pkg/apis/apps/validation/validation.go */
import { fieldError, type FieldError } from '../field-errors.ts'
import type {
  Deployment,
  DeploymentSpec,
  DeploymentStrategy,
  RollingUpdateDeployment,
} from '../schema/types.gen.ts'
import { amountOf, validateAtMostAll, validateIntOrPercent } from './int-or-percent.ts'
import { validateNonnegative } from './validate-values.ts'
import { validateCollisions, validateSelector, validateTemplate } from './validate-workload.ts'

type Errors = readonly FieldError[]

export const validateDeployment = (spec: DeploymentSpec): Errors => [
  ...validateNonnegative(spec.replicas, 'spec.replicas'),
  ...validateSelector(spec),
  ...validateTemplate(spec),
  ...validateStrategy(spec.strategy ?? {}),
  ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
  ...validateNonnegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
  ...validateProgressDeadline(spec),
]

const validateProgressDeadline = ({
  progressDeadlineSeconds,
  minReadySeconds = 0,
}: DeploymentSpec): Errors => {
  const field = 'spec.progressDeadlineSeconds'
  if (progressDeadlineSeconds === undefined) return []
  return [
    ...validateNonnegative(progressDeadlineSeconds, field),
    ...(progressDeadlineSeconds <= minReadySeconds
      ? [fieldError.invalid(field, progressDeadlineSeconds, 'must be greater than minReadySeconds')]
      : []),
  ]
}

const strategyTypes: readonly string[] = ['Recreate', 'RollingUpdate']

const validateStrategy = ({ type = '', rollingUpdate }: DeploymentStrategy): Errors => {
  const path = 'spec.strategy'
  switch (type) {
    case 'Recreate': {
      const why = "may not be specified when strategy `type` is 'Recreate'"
      return rollingUpdate === undefined ? [] : [fieldError.forbidden(`${path}.rollingUpdate`, why)]
    }
    case 'RollingUpdate':
      return validateRollingUpdate(rollingUpdate ?? {}, `${path}.rollingUpdate`)
    default: {
      // Upstream shows its internal struct here, field names in capitals.
      const shown = { Type: type, RollingUpdate: rollingUpdate ?? null }
      return [fieldError.notSupported(path, shown, strategyTypes)]
    }
  }
}

const validateRollingUpdate = (update: RollingUpdateDeployment, path: string): Errors => {
  const { maxUnavailable = 0, maxSurge = 0 } = update
  const field = `${path}.maxUnavailable`
  const errors: FieldError[] = [
    ...validateIntOrPercent(maxUnavailable, field),
    ...validateIntOrPercent(maxSurge, `${path}.maxSurge`),
  ]
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    errors.push(fieldError.invalid(field, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  return [...errors, ...validateAtMostAll(maxUnavailable, field)]
}

const counts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
] as const

export const validateDeploymentStatus = ({ status }: Deployment, old: Deployment | undefined): Errors => {
  const errors: FieldError[] = []
  const total = status?.replicas ?? 0
  for (const name of counts) errors.push(...validateNonnegative(status?.[name], `status.${name}`))
  for (const name of ['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const count = status?.[name] ?? 0
    const why = 'cannot be greater than status.replicas'
    if (count > total) errors.push(fieldError.invalid(`status.${name}`, count, why))
  }
  const available = status?.availableReplicas ?? 0
  if (available > (status?.readyReplicas ?? 0)) {
    const why = 'cannot be greater than readyReplicas'
    errors.push(fieldError.invalid('status.availableReplicas', available, why))
  }
  return [...errors, ...validateCollisions(status?.collisionCount, old?.status?.collisionCount, null)]
}
