/** Where a pod may run (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkDns1123Label, checkDns1123Subdomain, checkLabelValue, checkQualifiedName } from '../../names.ts'
import { at } from '../../paths.ts'
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from '../../schema/types.gen.ts'
import { validateLabelSelector } from '../../selector.ts'
import { invalid } from '../../validate-meta.ts'
import type { Sent } from '../sent.ts'
import { validateOptionalChoice, validateQualifiedName } from '../validate-values.ts'

type Errors = readonly FieldError[]

export const taintEffects: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export const validateAffinity = (affinity: Affinity | undefined, path: string): Errors => [
  ...validateNodeAffinity(affinity?.nodeAffinity, `${path}.nodeAffinity`),
  ...validatePodAffinity(affinity?.podAffinity, `${path}.podAffinity`),
  ...validatePodAffinity(affinity?.podAntiAffinity, `${path}.podAntiAffinity`),
]

export const validateTolerations = (tolerations: readonly Toleration[] | undefined, path: string): Errors =>
  (tolerations ?? []).flatMap((toleration, index) => validateToleration(toleration, at(path, index)))

export const validateTopologySpread = (
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: string,
): Errors => {
  const pairOf = ({ topologyKey = '', whenUnsatisfiable = '' }: Sent<TopologySpreadConstraint>): string =>
    `{${topologyKey}, ${whenUnsatisfiable}}`
  const lastOf = new Map((constraints ?? []).map((constraint, index) => [pairOf(constraint), index]))
  return (constraints ?? []).flatMap((constraint, index) => {
    const field = at(path, index)
    const pair = pairOf(constraint)
    return [
      ...validateSpread(constraint, field),
      ...((lastOf.get(pair) ?? index) > index
        ? [fieldError.duplicate(`${field}.{topologyKey, whenUnsatisfiable}`, pair)]
        : []),
      ...validateMinDomains(constraint.minDomains, constraint.whenUnsatisfiable, `${field}.minDomains`),
      ...validateOptionalChoice(
        constraint.nodeAffinityPolicy,
        `${field}.nodeAffinityPolicy`,
        inclusionPolicies,
      ),
      ...validateOptionalChoice(constraint.nodeTaintsPolicy, `${field}.nodeTaintsPolicy`, inclusionPolicies),
      ...validateLabelSelector(constraint.labelSelector, `${field}.labelSelector`),
    ]
  })
}

const validateSpread = (constraint: Sent<TopologySpreadConstraint>, path: string): Errors => {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '' } = constraint
  const errors: FieldError[] = []
  if (maxSkew <= 0) errors.push(fieldError.invalid(`${path}.maxSkew`, maxSkew, positiveMessage))
  if (topologyKey === '') errors.push(fieldError.required(`${path}.topologyKey`, 'can not be empty'))
  if (spreadActions.includes(whenUnsatisfiable)) return errors
  return [...errors, fieldError.notSupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable, spreadActions)]
}

const positiveMessage = 'must be greater than zero'
const spreadActions: readonly string[] = ['DoNotSchedule', 'ScheduleAnyway']
const inclusionPolicies: readonly string[] = ['Honor', 'Ignore']

const validateMinDomains = (count: number | undefined, action: string | undefined, field: string): Errors => {
  if (count === undefined) return []
  const errors = count <= 0 ? [fieldError.invalid(field, count, positiveMessage)] : []
  if (action === 'DoNotSchedule') return errors
  const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action ?? ''}`
  return [...errors, fieldError.invalid(field, count, why)]
}

const validateToleration = (toleration: Toleration, path: string): Errors => {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration
  const errors: FieldError[] = []
  if (key !== '') errors.push(...validateQualifiedName(key, `${path}.key`))
  else if (operator !== 'Exists') {
    const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
    errors.push(fieldError.invalid(`${path}.operator`, operator, why))
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
    errors.push(fieldError.invalid(`${path}.effect`, effect, why))
  }
  errors.push(...validateTolerationValue(operator, value, `${path}.operator`))
  if (effect !== '' && !taintEffects.includes(effect)) {
    errors.push(fieldError.notSupported(`${path}.effect`, effect, taintEffects))
  }
  return errors
}

const validateTolerationValue = (operator: string, value: string, field: string): Errors => {
  switch (operator) {
    case '':
    case 'Equal': {
      const problems = checkLabelValue(value)
      return problems.length === 0 ? [] : [fieldError.invalid(field, value, problems.join(';'))]
    }
    case 'Exists': {
      const why = "value must be empty when `operator` is 'Exists'"
      return value === '' ? [] : [fieldError.invalid(field, value, why)]
    }
    default:
      return [fieldError.notSupported(field, operator, ['Equal', 'Exists'])]
  }
}

export const validateNodeSelector = (
  { nodeSelectorTerms: terms = [] }: Partial<NodeSelector>,
  path: string,
): Errors => {
  const field = `${path}.nodeSelectorTerms`
  if (terms.length === 0) return [fieldError.required(field, 'must have at least one node selector term')]
  return terms.flatMap((term, index) => validateTerm(term, at(field, index), { checkValues: true }))
}

const validateNodeAffinity = (affinity: NodeAffinity | undefined, path: string): Errors => {
  const errors: FieldError[] = []
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required) {
    errors.push(...validateNodeSelector(required, `${path}.requiredDuringSchedulingIgnoredDuringExecution`))
  }
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (const [index, term] of preferred.entries()) {
    const field = at(`${path}.preferredDuringSchedulingIgnoredDuringExecution`, index)
    errors.push(...validateWeight(term.weight, `${field}.weight`))
    errors.push(...validateTerm(term.preference ?? {}, `${field}.preference`, { checkValues: false }))
  }
  return errors
}

const validateWeight = (weight = 0, field: string): Errors =>
  weight >= 1 && weight <= 100 ? [] : [fieldError.invalid(field, weight, 'must be in the range 1-100')]

/** Values that no label can have are let through where they only express a wish. */
const validateTerm = (
  { matchExpressions, matchFields }: NodeSelectorTerm,
  path: string,
  how: { readonly checkValues: boolean },
): Errors => [
  ...(matchExpressions ?? []).flatMap((requirement, index) =>
    validateNodeRequirement(requirement, at(`${path}.matchExpressions`, index), how),
  ),
  ...(matchFields ?? []).flatMap((requirement, index) =>
    validateNodeField(requirement, at(`${path}.matchFields`, index)),
  ),
]

const validateNodeRequirement = (
  { key = '', operator = '', values = [] }: Sent<NodeSelectorRequirement>,
  path: string,
  { checkValues }: { readonly checkValues: boolean },
): Errors => {
  const errors: FieldError[] = [...validateOperator(operator, values.length, path)]
  errors.push(...invalid(`${path}.key`, key, checkQualifiedName(key)))
  if (!checkValues) return errors
  for (const [index, value] of values.entries()) {
    errors.push(...invalid(at(`${path}.values`, index), value, checkLabelValue(value)))
  }
  return errors
}

const validateOperator = (operator: string, count: number, path: string): Errors => {
  const field = `${path}.values`
  switch (operator) {
    case 'In':
    case 'NotIn':
      return count > 0
        ? []
        : [fieldError.required(field, "must be specified when `operator` is 'In' or 'NotIn'")]
    case 'Exists':
    case 'DoesNotExist':
      return count === 0
        ? []
        : [fieldError.forbidden(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    case 'Gt':
    case 'Lt':
      return count === 1
        ? []
        : [fieldError.required(field, "must be specified single value when `operator` is 'Lt' or 'Gt'")]
    default:
      return [fieldError.invalid(`${path}.operator`, operator, 'not a valid selector operator')]
  }
}

const validateNodeField = (
  { key = '', operator = '', values = [] }: Sent<NodeSelectorRequirement>,
  path: string,
): Errors => {
  const errors: FieldError[] = []
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(fieldError.invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  } else if (values.length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    errors.push(fieldError.required(`${path}.values`, why))
  }
  if (key !== 'metadata.name') {
    return [...errors, fieldError.invalid(`${path}.key`, key, 'not a valid field selector key')]
  }
  const names = values.flatMap((name, index) =>
    invalid(at(`${path}.values`, index), name, checkDns1123Subdomain(name)),
  )
  return [...errors, ...names]
}

/** Affinity and anti-affinity have one shape. */
const validatePodAffinity = (affinity: PodAffinity | undefined, path: string): Errors => {
  const errors: FieldError[] = []
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  for (const [index, term] of required.entries()) {
    const field = at(`${path}.requiredDuringSchedulingIgnoredDuringExecution`, index)
    errors.push(...validatePodTerm(term, field))
  }
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (const [index, { weight, podAffinityTerm }] of preferred.entries()) {
    const field = at(`${path}.preferredDuringSchedulingIgnoredDuringExecution`, index)
    errors.push(...validateWeight(weight, `${field}.weight`))
    errors.push(...validatePodTerm(podAffinityTerm ?? { topologyKey: '' }, `${field}.podAffinityTerm`))
  }
  return errors
}

const validatePodTerm = (term: PodAffinityTerm, path: string): Errors => {
  const key = term.topologyKey ?? ''
  const errors: FieldError[] = [
    ...validateLabelSelector(term.labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`),
  ]
  for (const name of term.namespaces ?? []) {
    errors.push(...invalid(`${path}.namespace`, name, checkDns1123Label(name)))
  }
  if (key === '') errors.push(fieldError.required(`${path}.topologyKey`, 'can not be empty'))
  return [...errors, ...invalid(`${path}.topologyKey`, key, checkQualifiedName(key))]
}
