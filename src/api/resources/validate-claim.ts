/** kubernetes pkg/apis/core/validation/validation.go 038b410 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Label, checkDns1123Subdomain } from '../names.ts'
import { keyed } from '../paths.ts'
import { canonicalQuantity, compareQuantities, parseQuantity, quantityProblem, valueOf } from '../quantity.ts'
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  TypedObjectReference,
} from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { validateAccessModes, volumeModes } from './access-modes.ts'
import { semanticEqual } from './semantic-equal.ts'
import type { Sent } from './sent.ts'
import { validateOptionalChoice } from './validate-values.ts'

type Errors = readonly FieldError[]

export const validateClaim = (
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim | undefined,
): Errors => [
  ...validateClaimSpec(claim.spec, 'spec'),
  ...(old === undefined ? [] : validateUpdate(claim, old)),
]

export const validateClaimSpec = (
  spec: Sent<PersistentVolumeClaimSpec> | undefined,
  path: string,
): Errors => {
  const { accessModes = [], dataSource, dataSourceRef, resources, selector } = spec ?? {}
  const { storageClassName: className = '', volumeAttributesClassName: attributes = '' } = spec ?? {}
  const storage = keyed(`${path}.resources`, 'storage')
  const size = resources?.requests?.['storage']
  return [
    ...validateLabelSelector(selector as PersistentVolumeClaimSpec['selector'], `${path}.selector`),
    ...validateAccessModes(accessModes, `${path}.accessModes`, 'at least 1 access mode is required'),
    ...(size === undefined ? [fieldError.required(storage)] : validatePositiveQuantity(size, storage)),
    ...validateClass(className, `${path}.storageClassName`),
    ...validateOptionalChoice(spec?.volumeMode, `${path}.volumeMode`, volumeModes),
    ...(dataSource ? validateSource(dataSource, `${path}.dataSource`) : []),
    ...(dataSourceRef ? validateSource(dataSourceRef, `${path}.dataSourceRef`) : []),
    ...(dataSource && dataSourceRef ? validateSameSource(dataSource, dataSourceRef, path) : []),
    ...validateClass(attributes, `${path}.volumeAttributesClassName`),
  ]
}

export const validatePositiveQuantity = (text: string, field: string): Errors => {
  const problem = quantityProblem(text)
  if (problem !== undefined) return [fieldError.invalid(field, text, problem)]
  if (parseQuantity(text).nano > 0n) return []
  return [fieldError.invalid(field, canonicalQuantity(text), 'must be greater than zero')]
}

/** An amount in a status: nobody can have less than nothing. */
export const validateBasicQuantity = (text: string, field: string): Errors => {
  const problem = quantityProblem(text)
  if (problem !== undefined) return [fieldError.invalid(field, text, problem)]
  const amount = valueOf(parseQuantity(text))
  return amount >= 0 ? [] : [fieldError.invalid(field, amount, 'must be a valid resource quantity')]
}

const validateClass = (name: string, field: string): Errors =>
  name === '' ? [] : invalid(field, name, checkDns1123Subdomain(name))

const validateSource = (source: Sent<TypedObjectReference>, path: string): Errors => {
  const { apiGroup = '', kind = '', name = '', namespace = '' } = source
  const errors: FieldError[] = []
  if (name === '') errors.push(fieldError.required(`${path}.name`))
  if (kind === '') errors.push(fieldError.required(`${path}.kind`))
  if (apiGroup === '' && kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
    errors.push(fieldError.invalid(path, kind, why))
  }
  if (apiGroup !== '') errors.push(...invalid(`${path}.apiGroup`, apiGroup, checkDns1123Subdomain(apiGroup)))
  if (namespace === '') return errors
  return [...errors, ...invalid(`${path}.namespace`, namespace, checkDns1123Label(namespace))]
}

const validateSameSource = (
  source: Sent<TypedObjectReference>,
  reference: Sent<TypedObjectReference>,
  path: string,
): Errors => {
  const shown = `${path}.dataSource`
  if ((reference.namespace ?? '') !== '') {
    const why = 'may not be specified when dataSourceRef.namespace is specified'
    return [fieldError.invalid(path, shown, why)]
  }
  const isSame = (['apiGroup', 'kind', 'name'] as const).every((name) => source[name] === reference[name])
  return isSame ? [] : [fieldError.invalid(path, shown, 'must match dataSourceRef')]
}

const validateUpdate = (claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors => {
  const errors: FieldError[] = []
  if (!semanticEqual(comparable(claim, old), comparable(old, old))) {
    const why =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    errors.push(fieldError.forbidden('spec', why))
  }
  errors.push(...validateSize(claim, old))
  errors.push(...validateImmutable('volumeMode', claim.spec.volumeMode, old.spec.volumeMode))
  const { volumeAttributesClassName: before } = old.spec
  const { volumeAttributesClassName: attributes } = claim.spec
  const field = 'spec.volumeAttributesClassName'
  if (before !== undefined && attributes === undefined) {
    errors.push(fieldError.forbidden(field, 'update from non-nil value to nil is forbidden'))
  } else if (before !== undefined && attributes === '') {
    errors.push(fieldError.forbidden(field, 'update from non-nil value to an empty string is forbidden'))
  }
  return errors
}

/** The spec with what may change as it was: the volume once, the class where there was none, the size of a bound claim. */
const comparable = ({ spec }: PersistentVolumeClaim, old: PersistentVolumeClaim): object => {
  const before = old.spec
  const isBound = old.status?.phase === 'Bound'
  const { requests } = spec.resources ?? {}
  const storage = before.resources?.requests?.['storage']
  const keepsSize = isBound && requests !== undefined && storage !== undefined
  return {
    ...spec,
    ...((before.volumeName ?? '') === '' && { volumeName: '' }),
    ...(before.storageClassName === undefined && { storageClassName: '' }),
    ...(keepsSize && { resources: { ...spec.resources, requests: { ...requests, storage } } }),
    ...(isBound && { volumeAttributesClassName: '' }),
  }
}

/** A claim may shrink back to what it really got, after an expansion that failed. */
const validateSize = (claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors => {
  const [now, before, got] = [
    claim.spec.resources?.requests?.['storage'],
    old.spec.resources?.requests?.['storage'],
    old.status?.capacity?.['storage'] ?? '0',
  ]
  if (now === undefined || before === undefined) return []
  if ([now, before, got].some((text) => quantityProblem(text) !== undefined)) return []
  const size = parseQuantity(now)
  if (compareQuantities(size, parseQuantity(before)) >= 0) return []
  if (compareQuantities(size, parseQuantity(got)) > 0) return []
  return [
    fieldError.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'),
  ]
}

export const validateClaimStatus = ({ spec, status }: PersistentVolumeClaim): Errors => [
  // The path is upstream's, capital and all.
  ...((spec.accessModes ?? []).length === 0 ? [fieldError.required('Spec.accessModes')] : []),
  ...Object.entries(status?.capacity ?? {}).flatMap(([name, text]) =>
    validateBasicQuantity(text, keyed('status.capacity', name)),
  ),
  ...Object.entries(status?.allocatedResources ?? {}).flatMap(([name, text]) =>
    validateBasicQuantity(text, keyed('status.allocatedResources', name)),
  ),
]
