/**
 * Label selectors: what an object's labels must look like. A selector is a list of requirements that must all hold;
 * the empty list selects everything. Parsed from text by `selector-parser.ts`, from a LabelSelector object here.
 * Semantics and messages: apimachinery pkg/labels/selector.go and pkg/apis/meta/v1/helpers.go eed236c.
 */
import { fieldError, fieldErrorsText, type FieldError } from './field-errors.ts'
import type { LabelSelector, LabelSelectorRequirement } from './meta.ts'
import { checkLabelValue, checkQualifiedName } from './names.ts'
import { at, child } from './paths.ts'
import { quote } from './quote.ts'
import { badRequest } from './status.ts'

export type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  /** Sorted and without repetitions; empty for `exists` and `!`, exactly one except for `in` and `notin`. */
  readonly values: readonly string[]
}

export interface Selector {
  /** Sorted by key. */
  readonly requirements: readonly Requirement[]
  /** Selects no object at all: what an absent LabelSelector means. */
  readonly isNothing?: true
}

export type Labels = { readonly [key: string]: string } | undefined

export const everything: Selector = { requirements: [] }
export const nothing: Selector = { requirements: [], isNothing: true }

export const matchesLabels = (selector: Selector, labels: Labels): boolean =>
  selector.isNothing !== true &&
  selector.requirements.every((requirement) => matchesRequirement(requirement, labels))

export const isEverything = (selector: Selector): boolean =>
  selector.isNothing !== true && selector.requirements.length === 0

/** As kubectl's `-l` takes it; parsing it again gives the same selector. */
export const formatSelector = (selector: Selector): string =>
  selector.requirements.map(formatRequirement).join(',')

/** Exactly these labels, each with its value (a ReplicationController's or a Service's `selector`). Not validated. */
export const selectorFromLabels = (labels: Labels): Selector =>
  newSelector(
    Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] }) as const),
  )

/** An absent LabelSelector selects nothing, an empty one everything. Throws BadRequest for one that isn't valid. */
export const selectorFrom = (selector: LabelSelector | null | undefined): Selector => {
  if (selector === undefined || selector === null) return nothing
  const fromLabels = selectorFromLabels(selector.matchLabels).requirements
  const fromExpressions = (selector.matchExpressions ?? []).map(requirementFrom)
  const requirements = [...fromLabels, ...fromExpressions]
  const problems = requirements.flatMap((requirement) => validateRequirement(requirement))
  const [problem] = problems
  if (problem !== undefined) throw badRequest(problem)
  return newSelector(requirements)
}

export const newSelector = (requirements: readonly Requirement[]): Selector => ({
  requirements: requirements
    .map((requirement) => ({ ...requirement, values: [...new Set(requirement.values)].sort() }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)),
})

/** Everything that is wrong with a LabelSelector field of an object. */
export const validateLabelSelector = (
  selector: LabelSelector | null | undefined,
  path: string,
): readonly FieldError[] => [
  ...validateLabels(selector?.matchLabels, child(path, 'matchLabels')),
  ...(selector?.matchExpressions ?? []).flatMap((expression, index) =>
    validateExpression(expression, at(child(path, 'matchExpressions'), index)),
  ),
]

/** Keys and values of `metadata.labels` and of every field like it. */
export const validateLabels = (labels: Labels, path: string): readonly FieldError[] =>
  Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkQualifiedName(key).map((problem) => fieldError.invalid(path, key, problem)),
    ...checkLabelValue(value).map((problem) => fieldError.invalid(path, value, problem)),
  ])

/** Messages with field paths (`values[0][app]: Invalid value: …`), as upstream words them for a selector in a URL. */
export const validateRequirement = ({ key, operator, values }: Requirement): readonly string[] => {
  const keyProblems = checkQualifiedName(key)
  const problem = countProblem(operator, values.length)
  const errors = [
    ...(keyProblems.length === 0 ? [] : [fieldError.invalid('key', key, keyProblems.join('; '))]),
    ...(problem === undefined ? [] : [fieldError.invalid('values', values, problem)]),
  ]
  for (const [index, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && parseInt64(value) === undefined) {
      const message = "for 'Gt', 'Lt' operators, the value must be an integer"
      errors.push(fieldError.invalid(at('values', index), value, message))
    }
    const problems = checkLabelValue(value)
    if (problems.length > 0) {
      errors.push(fieldError.invalid(`values[${index}][${key}]`, value, problems.join('; ')))
    }
  }
  return errors.length === 0 ? [] : [fieldErrorsText(errors)]
}

const matchesRequirement = ({ key, operator, values }: Requirement, labels: Labels): boolean => {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && values.includes(value)
    case 'notin':
    case '!=':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'gt':
    case 'lt': {
      const [actual, bound] = [parseInt64(value), parseInt64(values[0])]
      if (actual === undefined || bound === undefined) return false
      return operator === 'gt' ? actual > bound : actual < bound
    }
    default:
      return operator satisfies never
  }
}

const formatRequirement = ({ key, operator, values }: Requirement): string => {
  switch (operator) {
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`
    case 'gt':
      return `${key}>${values.join()}`
    case 'lt':
      return `${key}<${values.join()}`
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${values.join()}`
    default:
      return operator satisfies never
  }
}

const operatorByName: ReadonlyMap<string, Operator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
])

// A client's selector may lack what its type requires.
const requirementFrom = ({
  key = '',
  operator = '',
  values,
}: Partial<LabelSelectorRequirement>): Requirement => {
  const known = operatorByName.get(operator)
  if (known === undefined) throw badRequest(`${quote(operator)} is not a valid label selector operator`)
  return { key, operator: known, values: values ?? [] }
}

const validateExpression = (
  { key = '', operator = '', values = [] }: Partial<LabelSelectorRequirement>,
  path: string,
): readonly FieldError[] => {
  const errors: FieldError[] = []
  const valuesPath = child(path, 'values')
  const known = operatorByName.get(operator)
  if (known === undefined) {
    errors.push(fieldError.invalid(child(path, 'operator'), operator, 'not a valid selector operator'))
  } else if ((known === 'in' || known === 'notin') && values.length === 0) {
    errors.push(fieldError.required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if ((known === 'exists' || known === '!') && values.length > 0) {
    const message = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    errors.push(fieldError.forbidden(valuesPath, message))
  }
  for (const problem of checkQualifiedName(key)) {
    errors.push(fieldError.invalid(child(path, 'key'), key, problem))
  }
  for (const [index, value] of values.entries()) {
    for (const problem of checkLabelValue(value)) {
      errors.push(fieldError.invalid(at(valuesPath, index), value, problem))
    }
  }
  return errors
}

const countProblem = (operator: Operator, count: number): string | undefined => {
  switch (operator) {
    case 'in':
    case 'notin':
      return count === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined
    case '=':
    case '==':
    case '!=':
      return count === 1 ? undefined : 'exact-match compatibility requires one single value'
    case 'exists':
    case '!':
      return count === 0 ? undefined : 'values set must be empty for exists and does not exist'
    case 'gt':
    case 'lt':
      return count === 1 ? undefined : "for 'Gt', 'Lt' operators, exactly one value is required"
    default:
      return operator satisfies never
  }
}

const parseInt64 = (text: string | undefined): bigint | undefined => {
  if (text === undefined || !/^[+-]?\d{1,64}$/.test(text)) return undefined
  const value = text.startsWith('+') ? BigInt(text.slice(1)) : BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}
