/**
 * Names of things that can be counted: `cpu`, `requests.storage`, `example.com/gpu`
 * (kubernetes pkg/apis/core/helper/helpers.go 0001090, pkg/apis/core/validation/validation.go 038b410).
 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkQualifiedName } from '../names.ts'
import { invalid } from '../validate-meta.ts'

/** A name that the API knows, or one with a domain. */
export const validateResourceName = (name: string, field: string): readonly FieldError[] => {
  const problems = checkQualifiedName(name)
  if (problems.length > 0 || name.includes('/') || isStandard(name)) return invalid(field, name, problems)
  return [fieldError.invalid(field, name, 'must be a standard resource type or fully qualified')]
}

const containerResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage'])

/** Counted in whole pieces. */
const objectCounts: readonly string[] = [
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.loadbalancers',
  'services.nodeports',
]

const amounts: readonly string[] = [
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]

const counts: ReadonlySet<string> = new Set(objectCounts)
const quotaResources: ReadonlySet<string> = new Set([...containerResources, ...objectCounts, ...amounts])

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-')

export const isContainerResource = (name: string): boolean =>
  containerResources.has(name) || isHugePages(name)

export const isQuotaResource = (name: string): boolean =>
  quotaResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')

const isStandard = (name: string): boolean => name === 'storage' || isQuotaResource(name)

/** Of Kubernetes itself, not of a vendor. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')

/** A vendor's. */
export const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && checkQualifiedName(`requests.${name}`).length === 0

/** There are no halves of it. */
export const isWhole = (name: string): boolean => counts.has(name) || isExtended(name)

/** More of it may be promised than there is. */
export const canOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name)
