/** kubernetes pkg/apis/apps/validation/validation.go 693c5f5 */
import { fieldError, type FieldError } from '../field-errors.ts'
import type {
  DaemonSet,
  DaemonSetSpec,
  DaemonSetUpdateStrategy,
  RollingUpdateDaemonSet,
} from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { amountOf, validateAtMostAll, validateIntOrPercent } from './int-or-percent.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'
import { validateNonnegative } from './validate-values.ts'
import { parsedSelector, validateCollisions, validateMatch } from './validate-workload.ts'

type Errors = readonly FieldError[]

export const validateDaemonSet = (spec: DaemonSetSpec): Errors => [
  ...validateLabelSelector(spec.selector, 'spec.selector'),
  ...validateSelection(spec),
  ...validateTemplate(spec),
  ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
  ...validateStrategy(spec.updateStrategy ?? {}),
  ...validateNonnegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
]

const validateSelection = ({ selector, template }: DaemonSetSpec): Errors => {
  const parsed = parsedSelector(selector)
  const errors: FieldError[] =
    parsed === undefined ? [] : [...validateMatch(parsed, template, 'spec.template')]
  const isEmpty =
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  if (isEmpty) {
    errors.push(fieldError.invalid('spec.selector', selector, 'empty selector is invalid for daemonset'))
  }
  return errors
}

const validateTemplate = ({ template }: DaemonSetSpec): Errors => {
  const path = 'spec.template'
  const errors: FieldError[] = [...validatePodTemplate(template, path)]
  const policy = template.spec.restartPolicy ?? ''
  if (policy !== 'Always') {
    errors.push(fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ['Always']))
  }
  if (template.spec.activeDeadlineSeconds !== undefined) {
    const why = 'activeDeadlineSeconds in DaemonSet is not Supported'
    errors.push(fieldError.forbidden(`${path}.spec.activeDeadlineSeconds`, why))
  }
  return errors
}

const validateStrategy = ({ type = '', rollingUpdate }: DaemonSetUpdateStrategy): Errors => {
  const path = 'spec.updateStrategy'
  switch (type) {
    case 'OnDelete':
      return []
    case 'RollingUpdate':
      return rollingUpdate === undefined
        ? [fieldError.required(`${path}.rollingUpdate`)]
        : validateRollingUpdate(rollingUpdate, `${path}.rollingUpdate`)
    default: {
      // Upstream shows its internal struct here, field names in capitals.
      const shown = { Type: type, RollingUpdate: rollingUpdate ?? null }
      return [fieldError.notSupported(path, shown, ['RollingUpdate', 'OnDelete'])]
    }
  }
}

const validateRollingUpdate = (update: RollingUpdateDaemonSet, path: string): Errors => {
  const { maxUnavailable = 0, maxSurge = 0 } = update
  const [unavailable, surge] = [`${path}.maxUnavailable`, `${path}.maxSurge`]
  const errors: FieldError[] = [
    ...validateIntOrPercent(maxUnavailable, unavailable),
    ...validateIntOrPercent(maxSurge, surge),
    ...validateAtMostAll(maxUnavailable, unavailable),
    ...validateAtMostAll(maxSurge, surge),
  ]
  const [hasUnavailable, hasSurge] = [amountOf(maxUnavailable) !== 0, amountOf(maxSurge) !== 0]
  if (hasUnavailable && hasSurge) {
    const why = 'may not be set when maxUnavailable is non-zero'
    errors.push(fieldError.invalid(surge, maxSurge, why))
  }
  if (!hasUnavailable && !hasSurge) {
    errors.push(fieldError.required(unavailable, 'cannot be 0 when maxSurge is 0'))
  }
  return errors
}

const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const

export const validateDaemonSetStatus = ({ status }: DaemonSet, old: DaemonSet | undefined): Errors => [
  ...counts.flatMap((name) => validateNonnegative(status?.[name], `status.${name}`)),
  ...validateCollisions(status?.collisionCount, old?.status?.collisionCount, 0),
]
