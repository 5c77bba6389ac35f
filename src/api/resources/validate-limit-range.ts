/** kubernetes pkg/apis/core/validation/validation.go 038b410 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkQualifiedName } from '../names.ts'
import { at, keyed } from '../paths.ts'
import {
  canonicalQuantity,
  compareQuantities,
  milliValueOf,
  parseQuantity,
  quantityOf,
  quantityProblem,
} from '../quantity.ts'
import type { LimitRangeItem } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { validateContainerResourceName } from './pod/validate-resources.ts'
import { canOvercommit, validateResourceName } from './resource-names.ts'

type Errors = readonly FieldError[]

export const limitLists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

export const validateLimitRange = (limits: readonly LimitRangeItem[]): Errors => {
  const types = new Set<string>()
  return limits.flatMap((item, index) => {
    const path = at('spec.limits', index)
    const type = item.type ?? ''
    const errors: FieldError[] = [...validateType(type, `${path}.type`)]
    if (types.has(type)) errors.push(fieldError.duplicate(`${path}.type`, type))
    types.add(type)
    return [...errors, ...validateItem(item, path)]
  })
}

const standardTypes: readonly string[] = ['Pod', 'Container', 'PersistentVolumeClaim']

const validateType = (type: string, field: string): Errors => {
  const problems = checkQualifiedName(type)
  if (problems.length > 0 || type.includes('/') || standardTypes.includes(type)) {
    return invalid(field, type, problems)
  }
  return [fieldError.invalid(field, type, 'must be a standard limit type or fully qualified')]
}

const validateItem = (item: LimitRangeItem, path: string): Errors => {
  const isPod = item.type === 'Pod'
  const errors: FieldError[] = []
  for (const list of limitLists) {
    const isDefault = list === 'default' || list === 'defaultRequest'
    const entries = Object.entries(item[list] ?? {})
    if (isPod && isDefault) {
      const why = "may not be specified when `type` is 'Pod'"
      if (entries.length > 0) errors.push(fieldError.forbidden(`${path}.${list}`, why))
      continue
    }
    for (const [name, text] of entries) {
      const field = keyed(`${path}.${list}`, name)
      errors.push(...validateName(item.type, name, field))
      const problem = quantityProblem(text)
      if (problem !== undefined) errors.push(fieldError.invalid(field, text, problem))
    }
  }
  const hasStorage = item.min?.['storage'] !== undefined || item.max?.['storage'] !== undefined
  if (item.type === 'PersistentVolumeClaim' && !hasStorage) {
    const why = 'either minimum or maximum storage value is required, but neither was provided'
    errors.push(fieldError.required(`${path}.limits`, why))
  }
  const names = new Set(limitLists.flatMap((list) => Object.keys(item[list] ?? {})))
  return [...errors, ...[...names].flatMap((name) => validateOrder(amountsOf(item, name), name, path))]
}

const validateName = (type: string | undefined, name: string, field: string): Errors =>
  type === 'Pod' || type === 'Container'
    ? validateContainerResourceName(name, field)
    : validateResourceName(name, field)

type List = (typeof limitLists)[number]
type Amounts = { readonly [Name in List]?: string }

/** Those that are amounts; the others have been refused. */
const amountsOf = (item: LimitRangeItem, name: string): Amounts => {
  const isShown = (list: List): boolean =>
    item.type !== 'Pod' || (list !== 'default' && list !== 'defaultRequest')
  return Object.fromEntries(
    limitLists
      .filter(isShown)
      .map((list) => [list, item[list]?.[name]] as const)
      .filter(([, text]) => text !== undefined && quantityProblem(text) === undefined),
  )
}

const shownAs = {
  max: 'max',
  min: 'min',
  default: 'default',
  defaultRequest: 'default request',
  maxLimitRequestRatio: 'ratio',
} as const satisfies Readonly<Record<List, string>>

/** Which may not exceed which, where the error is, and the value it shows. */
const orders: readonly {
  readonly low: List
  readonly high: List
  readonly field: List
  readonly shown: List
  readonly highName?: string
}[] = [
  { low: 'min', high: 'max', field: 'min', shown: 'min' },
  { low: 'min', high: 'defaultRequest', field: 'defaultRequest', shown: 'defaultRequest' },
  { low: 'defaultRequest', high: 'max', field: 'defaultRequest', shown: 'defaultRequest' },
  {
    low: 'defaultRequest',
    high: 'default',
    field: 'defaultRequest',
    shown: 'defaultRequest',
    highName: 'default limit',
  },
  { low: 'min', high: 'default', field: 'default', shown: 'min' },
  { low: 'default', high: 'max', field: 'default', shown: 'max' },
]

const validateOrder = (amounts: Amounts, name: string, path: string): Errors => {
  const errors: FieldError[] = []
  for (const { low, high, field, shown, highName } of orders) {
    const [a, b] = [amounts[low], amounts[high]]
    if (a === undefined || b === undefined || compare(a, b) <= 0) continue
    const why = `${shownAs[low]} value ${canonicalQuantity(a)} is greater than ${highName ?? shownAs[high]} value ${canonicalQuantity(b)}`
    const value = canonicalQuantity(amounts[shown] ?? '')
    errors.push(fieldError.invalid(keyed(`${path}.${field}`, name), value, why))
  }
  errors.push(...validateRatio(amounts, keyed(`${path}.maxLimitRequestRatio`, name)))
  const { default: limit, defaultRequest: request } = amounts
  if (canOvercommit(name) || limit === undefined || request === undefined) return errors
  if (compare(limit, request) === 0) return errors
  const why = `default value ${canonicalQuantity(limit)} must equal to defaultRequest value ${canonicalQuantity(request)} in ${name}`
  const field = keyed(`${path}.defaultRequest`, name)
  return [...errors, fieldError.invalid(field, canonicalQuantity(request), why)]
}

const validateRatio = ({ max, maxLimitRequestRatio: text, min }: Amounts, field: string): Errors => {
  if (text === undefined) return []
  const ratio = parseQuantity(text)
  const shown = canonicalQuantity(text)
  const errors: FieldError[] = []
  if (compareQuantities(ratio, quantityOf(1)) < 0) {
    errors.push(fieldError.invalid(field, shown, `ratio ${shown} is less than 1`))
  }
  if (min === undefined || max === undefined) return errors
  const limit = milliValueOf(parseQuantity(max)) / milliValueOf(parseQuantity(min))
  if (milliValueOf(ratio) / 1000 <= limit) return errors
  const why = `ratio ${shown} is greater than max/min = ${limit.toFixed(6)}`
  return [...errors, fieldError.invalid(field, shown, why)]
}

const compare = (a: string, b: string): number => compareQuantities(parseQuantity(a), parseQuantity(b))
