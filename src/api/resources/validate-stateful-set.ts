/** kubernetes pkg/apis/apps/validation/validation.go 693c5f5 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import type { StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { amountOf, validateAtMostAll, validateIntOrPercent } from './int-or-percent.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'
import { semanticEqual } from './semantic-equal.ts'
import { validateClaimSpec } from './validate-claim.ts'
import { validateDnsLabel, validateNonnegative } from './validate-values.ts'
import { parsedSelector, validateCollisions, validateMatch } from './validate-workload.ts'

type Errors = readonly FieldError[]

export const validateStatefulSet = (spec: StatefulSetSpec, old: StatefulSetSpec | undefined): Errors => {
  const { serviceName = '', volumeClaimTemplates: claims = [] } = spec
  return [
    ...validateManagement(spec.podManagementPolicy ?? ''),
    ...validateStrategy(spec.updateStrategy ?? {}),
    ...validateRetention(spec),
    // What can't be changed was checked when it came.
    ...(old === undefined
      ? claims.flatMap((claim, index) =>
          validateClaimSpec(claim.spec, `${at('spec.volumeClaimTemplates', index)}.spec`),
        )
      : []),
    ...validateNonnegative(spec.replicas, 'spec.replicas'),
    ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateNonnegative(spec.ordinals?.start, 'spec.ordinals.start'),
    ...(old === undefined && serviceName !== '' ? validateDnsLabel(serviceName, 'spec.serviceName') : []),
    ...validateSelector(spec),
    ...validateTemplate(spec),
    ...(old === undefined ? [] : validateUnchanged(spec, old)),
  ]
}

const policies: readonly string[] = ['OrderedReady', 'Parallel']

const validateManagement = (policy: string): Errors => {
  const field = 'spec.podManagementPolicy'
  if (policy === '') return [fieldError.required(field)]
  const why = "must be 'OrderedReady' or 'Parallel'"
  return policies.includes(policy) ? [] : [fieldError.invalid(field, policy, why)]
}

const validateStrategy = ({ type = '', rollingUpdate }: StatefulSetUpdateStrategy): Errors => {
  const path = 'spec.updateStrategy'
  const field = `${path}.rollingUpdate`
  switch (type) {
    case '':
      return [fieldError.required(path)]
    case 'OnDelete': {
      const why = "only allowed for updateStrategy 'RollingUpdate'"
      return rollingUpdate === undefined ? [] : [fieldError.invalid(field, rollingUpdate, why)]
    }
    case 'RollingUpdate': {
      const { partition, maxUnavailable } = rollingUpdate ?? {}
      return [
        ...validateNonnegative(partition, `${field}.partition`),
        ...(maxUnavailable === undefined
          ? []
          : [
              ...validateIntOrPercent(maxUnavailable, `${field}.maxUnavailable`),
              ...(amountOf(maxUnavailable) === 0
                ? [fieldError.invalid(`${field}.maxUnavailable`, maxUnavailable, 'cannot be 0')]
                : []),
              ...validateAtMostAll(maxUnavailable, `${field}.maxUnavailable`),
            ]),
      ]
    }
    default: {
      // Upstream shows its internal struct here, field names in capitals.
      const shown = { Type: type, RollingUpdate: rollingUpdate ?? null }
      return [fieldError.invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    }
  }
}

const retentions: readonly string[] = ['Retain', 'Delete']

const validateRetention = ({ persistentVolumeClaimRetentionPolicy: policy }: StatefulSetSpec): Errors =>
  policy === undefined
    ? []
    : (['whenDeleted', 'whenScaled'] as const).flatMap((name) => {
        const value = policy[name] ?? ''
        if (retentions.includes(value)) return []
        const field = `spec.persistentVolumeClaimRetentionPolicy.${name}`
        return [fieldError.notSupported(field, value, retentions)]
      })

const validateSelector = ({ selector }: StatefulSetSpec): Errors => {
  const field = 'spec.selector'
  if (selector === undefined) return [fieldError.required(field)]
  const isEmpty =
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  return [
    ...validateLabelSelector(selector, field),
    ...(isEmpty ? [fieldError.invalid(field, selector, 'empty selector is invalid for statefulset')] : []),
  ]
}

const validateTemplate = (spec: StatefulSetSpec): Errors => {
  const path = 'spec.template'
  const { template } = spec
  const selector = parsedSelector(spec.selector)
  const errors: FieldError[] =
    selector === undefined
      ? [fieldError.invalid('spec.selector', spec.selector, '')]
      : [
          ...validateMatch(selector, template, path),
          ...validatePodTemplate({ ...template, spec: podSpecOf(spec) }, path),
        ]
  const policy = template.spec.restartPolicy ?? ''
  if (policy !== 'Always') {
    errors.push(fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ['Always']))
  }
  if (template.spec.activeDeadlineSeconds !== undefined) {
    const why = 'activeDeadlineSeconds in StatefulSet is not Supported'
    errors.push(fieldError.forbidden(`${path}.spec.activeDeadlineSeconds`, why))
  }
  return errors
}

/** As its pods will have it: names are the controller's to give, and each claim is a volume of that name. */
const podSpecOf = ({ template, volumeClaimTemplates = [] }: StatefulSetSpec): typeof template.spec => {
  const { hostname: _, subdomain: __, volumes = [], ...rest } = template.spec
  const claims = volumeClaimTemplates.map(({ metadata }) => {
    const name = metadata?.name ?? ''
    return { name, persistentVolumeClaim: { claimName: name } }
  })
  const taken = new Set(claims.map(({ name }) => name))
  return { ...rest, volumes: [...claims, ...volumes.filter(({ name }) => !taken.has(name))] }
}

const validateUnchanged = (spec: StatefulSetSpec, old: StatefulSetSpec): Errors => {
  const fixed = ({
    replicas: _r,
    template: _t,
    updateStrategy: _u,
    minReadySeconds: _m,
    ordinals: _o,
    revisionHistoryLimit: _h,
    persistentVolumeClaimRetentionPolicy: _p,
    ...rest
  }: StatefulSetSpec) => rest
  if (semanticEqual(fixed(spec), fixed(old))) return []
  const why =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
  return [fieldError.forbidden('spec', why)]
}

const counts = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
] as const

export const validateStatefulSetStatus = ({ status }: StatefulSet, old: StatefulSet | undefined): Errors => {
  const total = status?.replicas ?? 0
  const available = status?.availableReplicas ?? 0
  const errors: FieldError[] = []
  for (const name of counts) errors.push(...validateNonnegative(status?.[name], `status.${name}`))
  for (const name of counts.slice(1, 5)) {
    const count = status?.[name] ?? 0
    const why = 'cannot be greater than status.replicas'
    if (count > total) errors.push(fieldError.invalid(`status.${name}`, count, why))
  }
  if (available > (status?.readyReplicas ?? 0)) {
    const why = 'cannot be greater than status.readyReplicas'
    errors.push(fieldError.invalid('status.availableReplicas', available, why))
  }
  return [...errors, ...validateCollisions(status?.collisionCount, old?.status?.collisionCount, 0)]
}
