/** When a job counts as failed or done before its last pod says so (kubernetes pkg/apis/batch/validation/validation.go 088d115). */
import { byteLength } from './byte-length.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import { quote } from '../quote.ts'
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../schema/types.gen.ts'
import { readIndexes } from './job-indexes.ts'
import type { Sent } from './sent.ts'
import { validateNonnegative, validateQualifiedName } from './validate-values.ts'

type Errors = readonly FieldError[]

const rulesMax = 20
const exitCodesMax = 255
const patternsMax = 20
const indexesBytesMax = 64 * 1024

const actions: readonly string[] = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const operators: readonly string[] = ['In', 'NotIn']
const statuses: readonly string[] = ['False', 'True', 'Unknown']

/** An error that is about the whole of something shows none of it. */
export const invalidWhole = (field: string, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  field,
  detail,
})

/** One of a closed set, in Go's notation for it. */
const validateChoice = (value: string, field: string, supported: readonly string[]): Errors => {
  if (value === '') return [fieldError.required(field, `valid values: [${supported.map(quote).join(' ')}]`)]
  return supported.includes(value) ? [] : [fieldError.notSupported(field, value, supported)]
}

export const validateReplacement = (spec: JobSpec, field: string): Errors => {
  const { podFailurePolicy, podReplacementPolicy: policy } = spec
  if (policy === undefined) return []
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  return supported.includes(policy) ? [] : [fieldError.notSupported(field, policy, supported)]
}

export const validateFailurePolicy = (spec: JobSpec, path: string): Errors => {
  const rules = spec.podFailurePolicy?.rules ?? []
  const { containers, initContainers = [] } = spec.template.spec
  const names = new Set([...containers, ...initContainers].map(({ name }) => name))
  const field = `${path}.rules`
  return [
    ...(rules.length > rulesMax ? [fieldError.tooMany(field, rules.length, rulesMax)] : []),
    ...rules.flatMap((rule, index) => {
      const rulePath = at(field, index)
      return [...validateAction(rule, spec, rulePath), ...validateCondition(rule, rulePath, names)]
    }),
  ]
}

const validateAction = ({ action = '' }: Sent<PodFailurePolicyRule>, spec: JobSpec, path: string): Errors => {
  const field = `${path}.action`
  if (action !== 'FailIndex') return validateChoice(action, field, actions)
  const why = 'requires the backoffLimitPerIndex to be set'
  return spec.backoffLimitPerIndex === undefined ? [fieldError.invalid(field, action, why)] : []
}

const validateCondition = (
  { onExitCodes, onPodConditions: patterns = [] }: PodFailurePolicyRule,
  path: string,
  containers: ReadonlySet<string>,
): Errors => {
  const errors: FieldError[] = []
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, `${path}.onExitCodes`, containers))
  errors.push(...validatePatterns(patterns, `${path}.onPodConditions`))
  if (onExitCodes && patterns.length > 0) {
    errors.push(invalidWhole(path, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  }
  if (!onExitCodes && patterns.length === 0) {
    errors.push(invalidWhole(path, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
  return errors
}

const validatePatterns = (
  patterns: Sent<readonly PodFailurePolicyOnPodConditionsPattern[]>,
  path: string,
): Errors => [
  ...(patterns.length > patternsMax ? [fieldError.tooMany(path, patterns.length, patternsMax)] : []),
  ...patterns.flatMap(({ type = '', status = '' }, index) => [
    ...validateQualifiedName(type, `${at(path, index)}.type`),
    ...validateChoice(status, `${at(path, index)}.status`, statuses),
  ]),
]

const validateExitCodes = (
  requirement: Sent<PodFailurePolicyOnExitCodesRequirement>,
  path: string,
  containers: ReadonlySet<string>,
): Errors => {
  const { containerName, operator = '', values = [] } = requirement
  const field = `${path}.values`
  const errors: FieldError[] = [...validateChoice(operator, `${path}.operator`, operators)]
  if (containerName !== undefined && !containers.has(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template'
    errors.push(fieldError.invalid(`${path}.containerName`, containerName, why))
  }
  if (values.length === 0) errors.push(fieldError.invalid(field, values, 'at least one value is required'))
  if (values.length > exitCodesMax) errors.push(fieldError.tooMany(field, values.length, exitCodesMax))
  const seen = new Set<number>()
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      errors.push(fieldError.invalid(at(field, index), value, 'must not be 0 for the In operator'))
    }
    if (seen.has(value)) errors.push(fieldError.duplicate(at(field, index), value))
    seen.add(value)
  }
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value)
  return isOrdered ? errors : [...errors, fieldError.invalid(field, values, 'must be ordered')]
}

export const validateSuccessPolicy = (spec: JobSpec, path: string): Errors => {
  if (spec.completionMode !== 'Indexed') {
    return [fieldError.invalid(path, spec.successPolicy, 'requires indexed completion mode')]
  }
  const rules = spec.successPolicy?.rules ?? []
  const field = `${path}.rules`
  if (rules.length === 0) {
    const why = 'at least one rules must be specified when the successPolicy is specified'
    return [fieldError.required(field, why)]
  }
  return [
    ...(rules.length > rulesMax ? [fieldError.tooMany(field, rules.length, rulesMax)] : []),
    ...rules.flatMap((rule, index) => validateSuccessRule(rule, spec.completions ?? 0, at(field, index))),
  ]
}

const validateSuccessRule = (rule: SuccessPolicyRule, completions: number, path: string): Errors => {
  const { succeededCount: count, succeededIndexes: indexes } = rule
  if (count === undefined && indexes === undefined) {
    const why = 'at least one of succeededCount or succeededIndexes must be specified'
    return [fieldError.required(path, why)]
  }
  const errors: FieldError[] = []
  const read = readIndexes(indexes ?? '', completions)
  if (indexes !== undefined) {
    const field = `${path}.succeededIndexes`
    if (byteLength(indexes) > indexesBytesMax) errors.push(fieldError.tooLong(field, indexesBytesMax))
    if (read.problem !== undefined) {
      errors.push(fieldError.invalid(field, indexes, `error parsing succeededIndexes: ${read.problem}`))
    }
  }
  if (count === undefined) return errors
  const field = `${path}.succeededCount`
  errors.push(...validateNonnegative(count, field))
  if (count > completions) {
    const why = `must be less than or equal to ${completions} (the number of specified completions)`
    errors.push(fieldError.invalid(field, count, why))
  }
  if (indexes !== undefined && count > read.total) {
    const why = `must be less than or equal to ${read.total} (the number of indexes in the specified succeededIndexes field)`
    errors.push(fieldError.invalid(field, count, why))
  }
  return errors
}
