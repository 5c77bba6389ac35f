/** kubernetes pkg/apis/core/validation/validation.go 038b410 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { keyed } from '../paths.ts'
import type {
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../schema/types.gen.ts'
import { immutableMessage } from '../validate-meta.ts'
import { validateResourceQuantity } from './pod/validate-resources.ts'
import { isQuotaResource, validateResourceName } from './resource-names.ts'
import type { Sent } from './sent.ts'

type Errors = readonly FieldError[]

export const validateResourceQuota = (
  spec: ResourceQuotaSpec,
  old: ResourceQuotaSpec | undefined,
): Errors => {
  const { scopes = [] } = spec
  const isChanged = old !== undefined && !hasSameItems(scopes, old.scopes ?? [])
  return [
    ...validateAmounts(spec.hard, 'spec.hard'),
    ...validateScopes(spec),
    ...validateSelector(spec),
    ...(isChanged ? [fieldError.invalid('spec.scopes', scopes, immutableMessage)] : []),
  ]
}

export const validateResourceQuotaStatus = ({ status }: ResourceQuota): Errors => [
  ...validateAmounts(status?.hard, 'status.hard'),
  ...validateAmounts(status?.used, 'status.used'),
]

const validateAmounts = (amounts: Readonly<Record<string, string>> | undefined, path: string): Errors =>
  Object.entries(amounts ?? {}).flatMap(([name, text]) => {
    const field = keyed(path, name)
    const isKnown = name.includes('/') || isQuotaResource(name)
    return [
      ...validateResourceName(name, field),
      ...(isKnown ? [] : [fieldError.invalid(field, name, 'must be a standard resource for quota')]),
      ...validateResourceQuantity(name, text, field),
    ]
  })

const podCounts: readonly string[] = ['pods']
const podAmounts: readonly string[] = [
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]
const claims: readonly string[] = ['persistentvolumeclaims', 'requests.storage']
const ofPods = [...podCounts, ...podAmounts]

/** What can be counted of the objects in a scope. */
const resourcesByScope: Readonly<Record<string, readonly string[]>> = {
  Terminating: ofPods,
  NotTerminating: ofPods,
  BestEffort: podCounts,
  NotBestEffort: ofPods,
  PriorityClass: ofPods,
  CrossNamespacePodAffinity: ofPods,
  VolumeAttributesClass: claims,
}

const resourcesOf = (scope: string): readonly string[] | undefined =>
  Object.hasOwn(resourcesByScope, scope) ? resourcesByScope[scope] : undefined

/** Those of `hard` that have nothing to do with the scope. */
const misfits = ({ hard = {} }: ResourceQuotaSpec, scope: string): readonly string[] => {
  const fitting = resourcesOf(scope)
  return Object.keys(hard)
    .filter((name) => isQuotaResource(name) && fitting?.includes(name) === false)
    .toSorted()
}

const opposites: readonly (readonly [string, string])[] = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
]

const hasOpposites = (scopes: readonly string[]): boolean =>
  opposites.some((pair) => pair.every((scope) => scopes.includes(scope)))

const validateScopes = (spec: ResourceQuotaSpec): Errors => {
  const field = 'spec.scopes'
  const { scopes = [] } = spec
  const refuse = (why: string): FieldError => fieldError.invalid(field, scopes, why)
  const errors = scopes.flatMap((scope) => [
    ...(resourcesOf(scope) === undefined ? [refuse('unsupported scope')] : []),
    ...misfits(spec, scope).map(() => refuse('unsupported scope applied to resource')),
  ])
  return hasOpposites(scopes) ? [...errors, refuse('conflicting scopes')] : errors
}

/** The paths below have no index: upstream's habit. */
const validateSelector = (spec: ResourceQuotaSpec): Errors => {
  const requirements = spec.scopeSelector?.matchExpressions ?? []
  const path = 'spec.scopeSelector.matchExpressions'
  const scopes = requirements.map(({ scopeName }) => scopeName ?? '')
  const errors = requirements.flatMap((requirement: Sent<ScopedResourceSelectorRequirement>) => {
    const scope = requirement.scopeName ?? ''
    const why = 'unsupported scope applied to resource'
    return [
      ...(resourcesOf(scope) === undefined
        ? [fieldError.invalid(`${path}.scopeName`, scope, 'unsupported scope')]
        : []),
      ...misfits(spec, scope).map(() => fieldError.invalid(path, spec.scopeSelector, why)),
      ...validateRequirement(requirement, path),
    ]
  })
  if (!hasOpposites(scopes)) return errors
  return [...errors, fieldError.invalid(path, spec.scopes ?? null, 'conflicting scopes')]
}

/** An object is in one of these or it isn't: there are no values to compare. */
const plainScopes: readonly string[] = [
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]

const validateRequirement = (
  { operator = '', scopeName = '', values = [] }: Sent<ScopedResourceSelectorRequirement>,
  path: string,
): Errors => {
  const errors: FieldError[] = []
  if (plainScopes.includes(scopeName) && operator !== 'Exists') {
    const why =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
    errors.push(fieldError.invalid(`${path}.operator`, operator, why))
  }
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
      return values.length > 0 ? errors : [...errors, fieldError.required(`${path}.values`, why)]
    }
    case 'Exists':
    case 'DoesNotExist': {
      const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
      return values.length === 0 ? errors : [...errors, fieldError.invalid(`${path}.values`, values, why)]
    }
    default:
      return [...errors, fieldError.invalid(`${path}.operator`, operator, 'not a valid selector operator')]
  }
}

const hasSameItems = (a: readonly string[], b: readonly string[]): boolean =>
  new Set([...a, ...b]).size === new Set(a).size && new Set(a).size === new Set(b).size
