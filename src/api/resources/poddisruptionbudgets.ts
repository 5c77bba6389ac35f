import { fieldError, type FieldError } from '../field-errors.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { validateAtMostAll, validateIntOrPercent } from './int-or-percent.ts'
import { allVerbs, bumpOnSpec, keepSpec, keepStatus, setGeneration, statusSubresource } from './strategy.ts'
import { validateConditions } from './validate-conditions.ts'
import { validateNonnegative, validateOptionalChoice } from './validate-values.ts'

export const podDisruptionBudgets: ResourceDef<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  listKind: 'PodDisruptionBudgetList',
  plural: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('policy.v1.PodDisruptionBudget')
  },
  columns: [
    nameColumn(),
    { name: 'Min Available', type: 'string', value: ({ spec }) => String(spec.minAvailable ?? 'N/A') },
    { name: 'Max Unavailable', type: 'string', value: ({ spec }) => String(spec.maxUnavailable ?? 'N/A') },
    { name: 'Allowed Disruptions', type: 'integer', value: ({ status }) => status?.disruptionsAllowed ?? 0 },
    ageColumn(),
  ],
  // Evictions count in its status: none of them may get lost.
  requiresResourceVersionOnUpdate: true,
  applyDefaults: (budget) => {
    budget.spec ??= {}
  },
  prepareForCreate: (budget) => {
    budget.status = noneAllowed()
    budget.metadata.generation = 1
  },
  prepareForUpdate: (budget, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(budget, old)
      setGeneration(budget, old, false)
      return
    }
    keepStatus(budget, old)
    bumpOnSpec(budget, old)
  },
  validate: (budget, _old, { subresource }) =>
    subresource === 'status' ? validateStatus(budget) : validateSpec(budget.spec),
}

/** Until somebody has counted the pods. */
const noneAllowed = () => ({ currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 })

const policies: readonly string[] = ['AlwaysAllow', 'IfHealthyBudget']

/** kubernetes pkg/apis/policy/validation/validation.go 5ba8e22 */
const validateSpec = (spec: PodDisruptionBudgetSpec): readonly FieldError[] => {
  const { maxUnavailable, minAvailable, selector, unhealthyPodEvictionPolicy: policy } = spec
  const errors: FieldError[] = []
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    // Upstream shows its internal struct here, field names in capitals.
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    }
    const why = 'minAvailable and maxUnavailable cannot be both set'
    errors.push(fieldError.invalid('spec', shown, why))
  }
  for (const name of ['minAvailable', 'maxUnavailable'] as const) {
    const amount = spec[name]
    if (amount === undefined) continue
    errors.push(...validateIntOrPercent(amount, `spec.${name}`), ...validateAtMostAll(amount, `spec.${name}`))
  }
  return [
    ...errors,
    ...validateLabelSelector(selector, 'spec.selector'),
    ...validateOptionalChoice(policy, 'spec.unhealthyPodEvictionPolicy', policies),
  ]
}

const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const

const validateStatus = ({ status }: PodDisruptionBudget): readonly FieldError[] => [
  ...validateConditions(status?.conditions ?? [], 'status.conditions'),
  ...counts.flatMap((name) => validateNonnegative(status?.[name], `status.${name}`)),
]
