/**
 * What ReplicaSets and Deployments have in common: a selector, a template that it must match, a count
 * (kubernetes pkg/apis/apps/validation/validation.go).
 */
import { fieldError, type FieldError } from '../field-errors.ts'
import type { LabelSelector, PodTemplateSpec } from '../schema/types.gen.ts'
import {
  formatSelector,
  isEverything,
  matchesLabels,
  nothing,
  selectorFrom,
  validateLabelSelector,
  type Selector,
} from '../selector.ts'
import { isStatusError } from '../status.ts'
import { none } from './cells.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'

type Errors = readonly FieldError[]

export interface Workload {
  selector?: LabelSelector
  template?: PodTemplateSpec
}

export const validateSelector = ({ selector }: Workload): Errors => {
  const field = 'spec.selector'
  if (selector === undefined) return [fieldError.required(field)]
  const isEmpty =
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  return [
    ...validateLabelSelector(selector, field),
    // Upstream says «deployment» of a ReplicaSet too.
    ...(isEmpty ? [fieldError.invalid(field, selector, 'empty selector is invalid for deployment')] : []),
  ]
}

export const validateTemplate = (workload: Workload): Errors => {
  const selector = parsedSelector(workload.selector)
  if (selector === undefined) {
    return [fieldError.invalid('spec.selector', workload.selector, 'invalid label selector')]
  }
  const { template } = workload
  const path = 'spec.template'
  if (template === undefined) return [fieldError.required(path)]
  const errors: FieldError[] = []
  errors.push(...validateMatch(selector, template, path))
  errors.push(...validatePodTemplate(template, path))
  const policy = template.spec.restartPolicy ?? ''
  if (policy !== 'Always') {
    errors.push(fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ['Always']))
  }
  if (template.spec.activeDeadlineSeconds !== undefined) {
    const why = 'activeDeadlineSeconds in ReplicaSet is not Supported'
    errors.push(fieldError.forbidden(`${path}.spec.activeDeadlineSeconds`, why))
  }
  return errors
}

/** A workload's own pods must be among those it selects. */
export const validateMatch = (
  selector: Selector,
  { metadata }: Pick<PodTemplateSpec, 'metadata'>,
  path: string,
): Errors => {
  if (isEverything(selector) || matchesLabels(selector, metadata?.labels)) return []
  const why = '`selector` does not match template `labels`'
  return [fieldError.invalid(`${path}.metadata.labels`, sortedByKey(metadata?.labels), why)]
}

/** Names made from a count that goes backwards would collide again. */
export const validateCollisions = (
  count: number | undefined,
  before: number | undefined,
  shown: number | null,
): Errors => {
  if (before === undefined || (count !== undefined && count >= before)) return []
  return [fieldError.invalid('status.collisionCount', count ?? shown, 'cannot be decremented')]
}

/** The SELECTOR column. */
export const selectorText = (selector: LabelSelector | undefined): string => {
  const read = parsedSelector(selector)
  if (read === undefined) return '<error>'
  return formatSelector(read) || none
}

/** Undefined when it isn't one. */
export const parsedSelector = (selector: LabelSelector | undefined): Selector | undefined => {
  if (selector === undefined) return nothing
  try {
    return selectorFrom(selector)
  } catch (error) {
    if (isStatusError(error)) return undefined // not a valid selector; the caller says so with a field path
    throw error
  }
}

/** As Go prints maps. */
const sortedByKey = (labels: Readonly<Record<string, string>> | undefined): Record<string, string> | null =>
  labels === undefined
    ? null
    : Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
