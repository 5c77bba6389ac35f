/** kubernetes pkg/apis/rbac/validation/validation.go 036ae50 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Subdomain, checkPathSegmentName } from '../names.ts'
import { at } from '../paths.ts'
import type { AggregationRule, PolicyRule, RoleRef, Subject } from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { invalid } from '../validate-meta.ts'
import { semanticEqual } from './semantic-equal.ts'
import type { Sent } from './sent.ts'

type Errors = readonly FieldError[]

export const rbacGroup = 'rbac.authorization.k8s.io'

interface Scope {
  readonly namespaced: boolean
}

export const validateRules = (rules: Sent<readonly PolicyRule[]>, scope: Scope): Errors =>
  rules.flatMap((rule, index) => validateRule(rule, at('rules', index), scope))

const validateRule = (rule: Sent<PolicyRule>, path: string, { namespaced }: Scope): Errors => {
  const { apiGroups = [], nonResourceURLs: urls = [], resourceNames = [], resources = [], verbs = [] } = rule
  const errors: FieldError[] = []
  if (verbs.length === 0) {
    errors.push(fieldError.required(`${path}.verbs`, 'verbs must contain at least one value'))
  }
  if (urls.length > 0) {
    const field = `${path}.nonResourceURLs`
    if (namespaced) {
      const why = 'namespaced rules cannot apply to non-resource URLs'
      errors.push(fieldError.invalid(field, urls, why))
    }
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      const why = 'rules cannot apply to both regular resources and non-resource URLs'
      errors.push(fieldError.invalid(field, urls, why))
    }
    return errors
  }
  if (apiGroups.length === 0) {
    const why = 'resource rules must supply at least one api group'
    errors.push(fieldError.required(`${path}.apiGroups`, why))
  }
  if (resources.length === 0) {
    const why = 'resource rules must supply at least one resource'
    errors.push(fieldError.required(`${path}.resources`, why))
  }
  return errors
}

export const validateAggregation = (rule: AggregationRule | undefined): Errors => {
  if (rule === undefined) return []
  const { clusterRoleSelectors: selectors = [] } = rule
  const path = 'aggregationRule.clusterRoleSelectors'
  const why = 'at least one clusterRoleSelector required if aggregationRule is non-nil'
  if (selectors.length === 0) return [fieldError.required(path, why)]
  return selectors.flatMap((selector, index) => validateLabelSelector(selector, at(path, index)))
}

/** Fills in the group that users, groups and roles belong to. */
export const applySubjectDefaults = (subjects: readonly Subject[] | undefined): void => {
  for (const subject of subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup
  }
}

interface Binding {
  readonly roleRef?: RoleRef
  readonly subjects?: readonly Subject[]
}

export const validateBinding = (binding: Binding, old: Binding | undefined, scope: Scope): Errors => [
  ...validateRoleRef(binding.roleRef ?? {}, scope.namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']),
  ...(binding.subjects ?? []).flatMap((subject, index) =>
    validateSubject(subject, at('subjects', index), scope),
  ),
  // Whoever may name new subjects must not be able to give them another role.
  ...(old === undefined || semanticEqual(binding.roleRef, old.roleRef)
    ? []
    : [fieldError.invalid('roleRef', shownRef(binding.roleRef), 'cannot change roleRef')]),
]

/** Upstream shows its internal struct, field names in capitals. */
const shownRef = (reference: Sent<RoleRef> | undefined): object => ({
  APIGroup: reference?.apiGroup ?? '',
  Kind: reference?.kind ?? '',
  Name: reference?.name ?? '',
})

const validateRoleRef = (reference: Sent<RoleRef>, kinds: readonly string[]): Errors => {
  const { apiGroup = '', kind = '', name = '' } = reference
  const errors: FieldError[] = []
  if (apiGroup !== rbacGroup) errors.push(fieldError.notSupported('roleRef.apiGroup', apiGroup, [rbacGroup]))
  if (!kinds.includes(kind)) errors.push(fieldError.notSupported('roleRef.kind', kind, kinds))
  if (name === '') return [...errors, fieldError.required('roleRef.name')]
  return [...errors, ...invalid('roleRef.name', name, checkPathSegmentName(name))]
}

const subjectKinds: readonly string[] = ['ServiceAccount', 'User', 'Group']

const validateSubject = (subject: Sent<Subject>, path: string, { namespaced }: Scope): Errors => {
  const { apiGroup = '', kind = '', name = '', namespace = '' } = subject
  const field = `${path}.apiGroup`
  const errors: FieldError[] = name === '' ? [fieldError.required(`${path}.name`)] : []
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') errors.push(...invalid(`${path}.name`, name, checkDns1123Subdomain(name)))
      if (apiGroup !== '') errors.push(fieldError.notSupported(field, apiGroup, ['']))
      if (!namespaced && namespace === '') errors.push(fieldError.required(`${path}.namespace`))
      return errors
    case 'User':
    case 'Group': {
      const why = `${kind.toLowerCase()} name cannot be empty`
      if (name === '') errors.push(fieldError.invalid(`${path}.name`, name, why))
      if (apiGroup !== rbacGroup) errors.push(fieldError.notSupported(field, apiGroup, [rbacGroup]))
      return errors
    }
    default:
      return [...errors, fieldError.notSupported(`${path}.kind`, kind, subjectKinds)]
  }
}
