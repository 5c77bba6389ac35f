/** What a container asks for and may use (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { keyed } from '../../paths.ts'
import {
  canonicalQuantity,
  compareQuantities,
  milliValueOf,
  parseQuantity,
  quantityProblem,
} from '../../quantity.ts'
import type { ResourceRequirements } from '../../schema/types.gen.ts'
import {
  canOvercommit,
  isContainerResource,
  isExtended,
  isHugePages,
  isNative,
  isWhole,
  validateResourceName,
} from '../resource-names.ts'
import { negativeMessage } from '../validate-values.ts'

type Errors = readonly FieldError[]

export const validateResourceRequirements = (
  { limits = {}, requests = {} }: ResourceRequirements,
  path: string,
): Errors => {
  const errors: FieldError[] = []
  for (const [name, quantity] of Object.entries(limits)) {
    const field = keyed(`${path}.limits`, name)
    errors.push(...validateContainerResourceName(name, field))
    errors.push(...validateResourceQuantity(name, quantity, field))
  }
  for (const [name, quantity] of Object.entries(requests)) {
    const field = keyed(`${path}.requests`, name)
    errors.push(...validateContainerResourceName(name, field))
    errors.push(...validateResourceQuantity(name, quantity, field))
    errors.push(...validateRequest({ name, request: quantity, limit: limits[name], path }))
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)]
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(fieldError.forbidden(path, 'HugePages require cpu or memory'))
  }
  return errors
}

/** An amount of anything: not negative, and whole where there are no halves of it. */
export const validateResourceQuantity = (name: string, text: string, field: string): Errors => {
  const problem = quantityProblem(text)
  if (problem !== undefined) return [fieldError.invalid(field, text, problem)]
  const quantity = parseQuantity(text)
  const errors: FieldError[] = []
  if (quantity.nano < 0n) errors.push(fieldError.invalid(field, canonicalQuantity(text), negativeMessage))
  if (isWhole(name) && milliValueOf(quantity) % 1000 !== 0) {
    errors.push(fieldError.invalid(field, canonicalQuantity(text), 'must be an integer'))
  }
  return errors
}

interface Request {
  readonly name: string
  readonly request: string
  readonly limit: string | undefined
  readonly path: string
}

const validateRequest = ({ name, request, limit, path }: Request): Errors => {
  const isElastic = canOvercommit(name)
  if (limit === undefined) {
    const why = 'Limit must be set for non overcommitable resources'
    return isElastic ? [] : [fieldError.required(`${path}.limits`, why)]
  }
  if (quantityProblem(request) !== undefined || quantityProblem(limit) !== undefined) return []
  const order = compareQuantities(parseQuantity(request), parseQuantity(limit))
  if (order === 0 || (order < 0 && isElastic)) return []
  const relation = isElastic ? 'less than or equal to' : 'equal to'
  const why = `must be ${relation} ${name} limit of ${canonicalQuantity(limit)}`
  return [fieldError.invalid(`${path}.requests`, canonicalQuantity(request), why)]
}

export const validateContainerResourceName = (name: string, field: string): Errors => {
  const errors: FieldError[] = [...validateResourceName(name, field)]
  if (!name.includes('/')) {
    if (!isContainerResource(name)) {
      errors.push(fieldError.invalid(field, name, 'must be a standard resource for containers'))
    }
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(fieldError.invalid(field, name, "doesn't follow extended resource name standard"))
  }
  return errors
}
