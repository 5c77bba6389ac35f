/** What a container asks for and may use (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkQualifiedName } from '../../names.ts'
import { keyed } from '../../paths.ts'
import {
  canonicalQuantity,
  compareQuantities,
  milliValueOf,
  parseQuantity,
  quantityProblem,
} from '../../quantity.ts'
import type { ResourceRequirements } from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
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
  if (isExtended(name) && milliValueOf(quantity) % 1000 !== 0) {
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
  const canOvercommit = isNative(name) && !isHugePages(name)
  if (limit === undefined) {
    const why = 'Limit must be set for non overcommitable resources'
    return canOvercommit ? [] : [fieldError.required(`${path}.limits`, why)]
  }
  if (quantityProblem(request) !== undefined || quantityProblem(limit) !== undefined) return []
  const order = compareQuantities(parseQuantity(request), parseQuantity(limit))
  if (order === 0 || (order < 0 && canOvercommit)) return []
  const relation = canOvercommit ? 'less than or equal to' : 'equal to'
  const why = `must be ${relation} ${name} limit of ${canonicalQuantity(limit)}`
  return [fieldError.invalid(`${path}.requests`, canonicalQuantity(request), why)]
}

const validateContainerResourceName = (name: string, field: string): Errors => {
  const problems = checkQualifiedName(name)
  const errors: FieldError[] = [...invalid(field, name, problems)]
  if (!name.includes('/')) {
    if (problems.length === 0 && !isStandard(name)) {
      const why = 'must be a standard resource type or fully qualified'
      errors.push(fieldError.invalid(field, name, why))
    }
    if (!isContainerResource(name)) {
      errors.push(fieldError.invalid(field, name, 'must be a standard resource for containers'))
    }
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(fieldError.invalid(field, name, "doesn't follow extended resource name standard"))
  }
  return errors
}

const containerResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage'])

/** Known to the API, though a container can't have them. */
const otherStandardResources: ReadonlySet<string> = new Set([
  'storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.loadbalancers',
  'services.nodeports',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
])

const isHugePages = (name: string): boolean => name.startsWith('hugepages-')
const isContainerResource = (name: string): boolean => containerResources.has(name) || isHugePages(name)
const isStandard = (name: string): boolean => isContainerResource(name) || otherStandardResources.has(name)

/** Of Kubernetes itself, not of a vendor. */
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')

/** A vendor's: counted in whole pieces. */
const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && checkQualifiedName(`requests.${name}`).length === 0
