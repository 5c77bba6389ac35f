/** What may be wrong with a CustomResourceDefinition (apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go). */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1035Label, checkDns1123Subdomain } from '../names.ts'
import { at } from '../paths.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { columnTypes } from './columns.ts'
import type { CrdColumn, CrdNames, CrdScale, CrdVersion, CustomResourceDefinition } from './definition.ts'
import { parseJsonPath } from './json-path.ts'
import { isEstablished } from './names.ts'
import { validateStructural } from './validate-schema.ts'

export const validateDefinition = (
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): readonly FieldError[] => {
  const { group = '', names = {}, preserveUnknownFields, scope = '', versions = [] } = crd.spec
  const errors: FieldError[] = []
  const name = `${names.plural ?? ''}.${group}`
  if (crd.metadata.name !== name)
    errors.push(
      fieldError.invalid(
        'metadata.name',
        crd.metadata.name ?? '',
        'must be spec.names.plural+"."+spec.group',
      ),
    )
  if (group === '') errors.push(fieldError.required('spec.group'))
  else if (checkDns1123Subdomain(group).length > 0)
    errors.push(...invalid('spec.group', group, checkDns1123Subdomain(group)))
  else if (!group.includes('.'))
    errors.push(fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'))
  if (scope === '') errors.push(fieldError.required('spec.scope'))
  else if (!scopes.includes(scope)) errors.push(fieldError.notSupported('spec.scope', scope, scopes))
  errors.push(...validateNames(names))
  if (preserveUnknownFields === true) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
    errors.push(fieldError.invalid('spec.preserveUnknownFields', true, why))
  }
  errors.push(...validateConversion(crd), ...validateVersions(versions))
  return old ? [...errors, ...validateUpdate(crd, old)] : errors
}

const scopes = ['Cluster', 'Namespaced']

function validateConversion({ spec: { conversion } }: CustomResourceDefinition): readonly FieldError[] {
  const { strategy = '' } = conversion ?? {}
  // Upstream has Webhook too; this server calls none, and says so here instead of serving objects unconverted.
  return strategy === 'None' ? [] : [fieldError.notSupported('spec.conversion.strategy', strategy, ['None'])]
}

function validateNames(names: CrdNames): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const [field, value] = [`spec.names.${name}`, names[name] ?? '']
    if (value === '') {
      errors.push(fieldError.required(field))
      continue
    }
    const isKind = name === 'kind' || name === 'listKind'
    const problems = checkDns1035Label(isKind ? value.toLowerCase() : value)
    const mixed = 'may have mixed case, but should otherwise match: '
    errors.push(...invalid(field, value, isKind ? problems.map((one) => mixed + one) : problems))
  }
  for (const name of ['shortNames', 'categories'] as const)
    for (const [index, value] of (names[name] ?? []).entries())
      errors.push(...invalid(at(`spec.names.${name}`, index), value, checkDns1035Label(value)))
  if (names.kind !== undefined && names.kind !== '' && names.kind === names.listKind)
    errors.push(
      fieldError.invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'),
    )
  return errors
}

function validateVersions(versions: readonly CrdVersion[]): readonly FieldError[] {
  const field = 'spec.versions'
  const names = versions.map(({ name = '' }) => name)
  const errors = versions.flatMap((version, index) => validateVersion(version, at(field, index)))
  if (versions.length === 0) errors.push(fieldError.required(field, 'must have at least one version'))
  if (new Set(names).size < names.length)
    errors.push(fieldError.invalid(field, versions, 'must contain unique version names'))
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    errors.push(
      fieldError.invalid(field, versions, 'must have exactly one version marked as storage version'),
    )
  return errors
}

function validateVersion(version: CrdVersion, path: string): FieldError[] {
  const { additionalPrinterColumns = [], name = '', schema, selectableFields = [], subresources } = version
  const errors: FieldError[] = [...invalid(`${path}.name`, name, checkDns1035Label(name))]
  const own = schema?.openAPIV3Schema
  if (!own) errors.push(fieldError.required(`${path}.schema.openAPIV3Schema`, 'schemas are required'))
  else errors.push(...validateStructural(own, `${path}.schema.openAPIV3Schema`))
  for (const [index, column] of additionalPrinterColumns.entries())
    errors.push(...validateColumn(column, at(`${path}.additionalPrinterColumns`, index)))
  for (const [index, { jsonPath = '' }] of selectableFields.entries())
    if (!parseJsonPath(jsonPath)?.every(({ kind }) => kind === 'field'))
      errors.push(
        fieldError.invalid(
          at(`${path}.selectableFields`, index),
          jsonPath,
          'must be a simple path to a field',
        ),
      )
  if (subresources?.scale) errors.push(...validateScale(subresources.scale, `${path}.subresources.scale`))
  return errors
}

function validateColumn({ jsonPath = '', name = '', type = '' }: CrdColumn, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (name === '') errors.push(fieldError.required(`${path}.name`))
  if (type === '')
    errors.push(fieldError.required(`${path}.type`, `must be one of ${[...columnTypes].join(',')}`))
  else if (!columnTypes.some((one) => one === type))
    errors.push(fieldError.invalid(`${path}.type`, type, `must be one of ${[...columnTypes].join(',')}`))
  if (jsonPath === '') errors.push(fieldError.required(`${path}.jsonPath`))
  else if (!parseJsonPath(jsonPath))
    errors.push(
      fieldError.invalid(
        `${path}.jsonPath`,
        jsonPath,
        'must be a path of fields, indexes, [*] and filters like [?(@.type=="Ready")]',
      ),
    )
  return errors
}

function validateScale(scale: CrdScale, path: string): readonly FieldError[] {
  const rules = [
    ['specReplicasPath', '.spec.', 'should be a json path under .spec'],
    ['statusReplicasPath', '.status.', 'should be a json path under .status'],
    ['labelSelectorPath', '.s', 'should be a json path under either .spec or .status'],
  ] as const
  return rules.flatMap(([name, prefix, why]) => {
    const value = scale[name] ?? ''
    if (value === '') return name === 'labelSelectorPath' ? [] : [fieldError.required(`${path}.${name}`)]
    const isSimple = parseJsonPath(value)?.every(({ kind }) => kind === 'field') === true
    return isSimple && value.startsWith(prefix) ? [] : [fieldError.invalid(`${path}.${name}`, value, why)]
  })
}

function validateUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition): readonly FieldError[] {
  const { spec } = crd
  const errors = [
    ...validateImmutable('spec.group', spec.group, old.spec.group),
    ...validateImmutable('spec.names.plural', spec.names?.plural, old.spec.names?.plural),
  ]
  if (isEstablished(old))
    errors.push(
      ...validateImmutable('spec.scope', spec.scope, old.spec.scope),
      ...validateImmutable('spec.names.kind', spec.names?.kind, old.spec.names?.kind),
    )
  return [...errors, ...validateStoredVersions(crd)]
}

/** Objects in a version that is gone could not be read any more. */
const validateStoredVersions = ({ spec, status }: CustomResourceDefinition): readonly FieldError[] =>
  (status?.storedVersions ?? []).flatMap((version, index) =>
    (spec.versions ?? []).some(({ name }) => name === version)
      ? []
      : [fieldError.invalid(at('status.storedVersions', index), version, 'must appear in spec.versions')],
  )
