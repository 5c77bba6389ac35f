/**
 * Rules for `metadata`, the same for every kind. The API server runs them before a kind's own `validate`
 * (apimachinery pkg/api/validation/objectmeta.go eed236c, kubernetes pkg/apis/core/validation/validation.go 000f260).
 */
import { fieldError, type FieldError } from './field-errors.ts'
import type { ObjectMeta, OwnerReference } from './meta.ts'
import {
  checkDns1123Label,
  checkDns1123Subdomain,
  checkLabelValue,
  checkQualifiedName,
  type Problems,
} from './names.ts'
import { at } from './paths.ts'
import { quoteAll } from './quote.ts'
import { byteLength } from './resources/byte-length.ts'
import { semanticEqual } from './resources/semantic-equal.ts'

export interface MetaRules {
  readonly namespaced: boolean
  /** What `metadata.name` must be. Default: an RFC 1123 subdomain. */
  readonly validateName?: (name: string) => Problems
  /** True: finalizers need no domain (custom resources and their definitions). */
  readonly plainFinalizers?: boolean
}

export const immutableMessage = 'field is immutable'
const annotationsBytesMax = 256 * 1024 // as upstream: annotations travel with every list and watch

/** For a create. The server has made a name out of `generateName` already. */
export const validateMeta = (meta: ObjectMeta, rules: MetaRules): readonly FieldError[] => {
  const validateName = rules.validateName ?? checkDns1123Subdomain
  const errors: FieldError[] = []
  if (meta.generateName !== undefined && meta.generateName !== '') {
    const problems = validateName(maskTrailingDash(meta.generateName))
    errors.push(...invalid('metadata.generateName', meta.generateName, problems))
  }
  if (meta.name === undefined || meta.name === '') {
    errors.push(fieldError.required('metadata.name', 'name or generateName is required'))
  } else {
    errors.push(...invalid('metadata.name', meta.name, validateName(meta.name)))
  }
  errors.push(...validateNamespace(meta.namespace ?? '', rules.namespaced))
  errors.push(...validateGeneration(meta), ...validateCommon(meta, rules))
  return errors
}

/**
 * For an update, also of a subresource. The server has filled in `resourceVersion` where the request left it out and
 * the kind allows that, and has restored what a request can't change (`uid`, `creationTimestamp`) if it was left out.
 */
export const validateMetaUpdate = (
  meta: ObjectMeta,
  old: ObjectMeta,
  rules: Pick<MetaRules, 'plainFinalizers'> = {},
): readonly FieldError[] => {
  const errors: FieldError[] = []
  if (isSet(old.deletionTimestamp)) {
    const known = new Set(old.finalizers)
    const added = (meta.finalizers ?? []).filter((name) => !known.has(name))
    if (added.length > 0) {
      const list = `[]string{${quoteAll([...new Set(added)].toSorted())}}`
      const message = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`
      errors.push(fieldError.forbidden('metadata.finalizers', message))
    }
  }
  if (meta.resourceVersion === undefined || meta.resourceVersion === '') {
    errors.push(fieldError.invalid('metadata.resourceVersion', '', 'must be specified for an update'))
  }
  errors.push(...validateGeneration(meta))
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(fieldError.invalid('metadata.generation', meta.generation ?? 0, 'must not be decremented'))
  }
  for (const field of immutableFields) {
    errors.push(...validateImmutable(`metadata.${field}`, meta[field], old[field]))
  }
  errors.push(...validateCommon(meta, rules))
  return errors
}

/** A field that keeps the value it was created with. */
export const validateImmutable = (field: string, value: unknown, old: unknown): readonly FieldError[] =>
  semanticEqual(value, old) ? [] : [fieldError.invalid(field, value ?? null, immutableMessage)]

/** One error for each thing that is wrong with a value. */
export const invalid = (field: string, value: unknown, problems: Problems): readonly FieldError[] =>
  problems.length === 0 ? nothingWrong : problems.map((problem) => fieldError.invalid(field, value, problem))

/** Of nearly everything that is ever looked at. */
const nothingWrong: readonly FieldError[] = []

type Strings = Readonly<Record<string, string>> | undefined

export const validateLabels = (labels: Strings, field: string): readonly FieldError[] => {
  if (labels === undefined) return nothingWrong
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(labels)) {
    errors.push(...invalid(field, key, checkQualifiedName(key)))
    errors.push(...invalid(field, value, checkLabelValue(value)))
  }
  return errors
}

export const validateAnnotations = (annotations: Strings, field: string): readonly FieldError[] => {
  if (annotations === undefined) return nothingWrong
  const errors: FieldError[] = []
  let totalBytes = 0
  for (const [key, value] of Object.entries(annotations)) {
    totalBytes += byteLength(key) + byteLength(value)
    // The case of annotation keys doesn't matter.
    errors.push(...invalid(field, key, checkQualifiedName(key.toLowerCase())))
  }
  if (totalBytes > annotationsBytesMax) errors.push(fieldError.tooLong(field, annotationsBytesMax))
  return errors
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

const validateNamespace = (namespace: string, namespaced: boolean): readonly FieldError[] => {
  const field = 'metadata.namespace'
  if (!namespaced) return namespace === '' ? [] : [fieldError.forbidden(field, 'not allowed on this type')]
  if (namespace === '') return [fieldError.required(field)]
  return invalid(field, namespace, checkDns1123Label(namespace))
}

const validateGeneration = ({ generation = 0 }: ObjectMeta): readonly FieldError[] =>
  generation < 0
    ? [fieldError.invalid('metadata.generation', generation, 'must be greater than or equal to 0')]
    : []

const validateCommon = (
  meta: ObjectMeta,
  { plainFinalizers = false }: Pick<MetaRules, 'plainFinalizers'>,
): readonly FieldError[] => [
  ...validateLabels(meta.labels, 'metadata.labels'),
  ...validateAnnotations(meta.annotations, 'metadata.annotations'),
  ...validateOwnerReferences(meta.ownerReferences ?? []),
  ...validateFinalizers(meta.finalizers ?? [], { plainFinalizers }),
]

const validateOwnerReferences = (owners: readonly OwnerReference[]): readonly FieldError[] => {
  const field = 'metadata.ownerReferences'
  const errors = owners.flatMap((owner, index) => validateOwnerReference(owner, at(field, index)))
  const [first, second] = owners.filter(({ controller }) => controller === true)
  if (first === undefined || second === undefined) return errors
  // Upstream says it again for a third and a fourth one; each time with the whole list.
  const found = `${first.kind}/${first.name} and ${second.kind}/${second.name}`
  const why = `Only one reference can have Controller set to true. Found "true" in references for ${found}`
  return [...errors, fieldError.invalid(field, owners, why)]
}

const validateOwnerReference = (owner: OwnerReference, path: string): readonly FieldError[] => {
  const errors: FieldError[] = []
  const [version, ...rest] = (owner.apiVersion ?? '').split('/').toReversed()
  if (rest.length > 1 || (rest.length === 1 && version === '')) {
    errors.push(
      fieldError.invalid(`${path}.apiVersion`, owner.apiVersion, 'must be <group>/<version> or <version>'),
    )
  }
  for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
    if ((owner[field] ?? '') === '') errors.push(fieldError.required(`${path}.${field}`, 'must not be empty'))
  }
  if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
    errors.push(fieldError.invalid(path, owner, '/v1, Kind=Event is disallowed from being an owner'))
  }
  return errors
}

/** Finalizers without a domain that mean something to the API itself. */
const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

const validateFinalizers = (
  finalizers: readonly string[],
  { plainFinalizers }: { readonly plainFinalizers: boolean },
): readonly FieldError[] => {
  const field = 'metadata.finalizers'
  const errors = finalizers.flatMap((name) => invalid(field, name, checkQualifiedName(name)))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const why = 'finalizer orphan and foregroundDeletion cannot be both set'
    errors.push(fieldError.invalid(field, finalizers, why))
  }
  for (const [index, name] of plainFinalizers ? [] : finalizers.entries()) {
    errors.push(...validateFinalizerDomain(name, at(field, index)))
  }
  return errors
}

/** A finalizer belongs to somebody: it has a domain, or it is one of the API's own. */
export const validateFinalizerDomain = (name: string, field: string): readonly FieldError[] =>
  name.includes('/') || standardFinalizers.has(name)
    ? []
    : [fieldError.invalid(field, name, 'name is neither a standard finalizer name nor is it fully qualified')]

/** A generated name may end in a dash: characters follow it. */
const maskTrailingDash = (name: string): string =>
  name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name

const isSet = (time: string | null | undefined): boolean => time !== undefined && time !== null && time !== ''
