import { byteLength } from './byte-length.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkQualifiedName } from '../names.ts'
import { at } from '../paths.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { StorageClass, TopologySelectorTerm } from '../schema/types.gen.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { semanticEqual } from './semantic-equal.ts'
import type { Sent } from './sent.ts'
import { allVerbs } from './strategy.ts'
import { validateChoice, validateOptionalChoice, validateQualifiedName } from './validate-values.ts'

export const storageClasses: ResourceDef<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  listKind: 'StorageClassList',
  plural: 'storageclasses',
  singular: 'storageclass',
  shortNames: ['sc'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('storage.v1.StorageClass')
  },
  columns: [
    {
      ...nameColumn<StorageClass>(),
      value: (storageClass) =>
        `${storageClass.metadata.name ?? ''}${isDefault(storageClass) ? ' (default)' : ''}`,
    },
    { name: 'Provisioner', type: 'string', value: ({ provisioner }) => provisioner ?? '' },
    { name: 'ReclaimPolicy', type: 'string', value: ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete' },
    {
      name: 'VolumeBindingMode',
      type: 'string',
      value: ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
    },
    {
      name: 'AllowVolumeExpansion',
      type: 'string',
      value: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    ageColumn(),
  ],
  applyDefaults: (storageClass) => {
    storageClass.reclaimPolicy ??= 'Delete'
    storageClass.volumeBindingMode ??= 'Immediate'
  },
  validate: (storageClass, old) =>
    old === undefined ? validateNew(storageClass) : validateUpdate(storageClass, old),
}

/** Claims without a class get this one: of several the newest, as upstream. */
export const defaultClassOf = (classes: readonly StorageClass[]): StorageClass | undefined =>
  classes
    .filter(isDefault)
    .toSorted((a, b) => (orderOf(a) < orderOf(b) ? 1 : -1))
    .at(0)

const orderOf = ({ metadata }: StorageClass): string =>
  `${metadata.creationTimestamp ?? ''} ${metadata.name ?? ''}`

const isDefault = ({ metadata }: StorageClass): boolean =>
  ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (name) => metadata.annotations?.[name] === 'true',
  )

// Upstream's bounds on what is passed to a provisioner.
const parametersMax = 512
const parametersBytesMax = 256 * 1024

/** kubernetes pkg/apis/storage/validation/validation.go cdbaa72 */
const validateNew = (storageClass: StorageClass): readonly FieldError[] => {
  const parameters = storageClass.parameters ?? {}
  const provisioner = storageClass.provisioner ?? ''
  return [
    ...(provisioner === ''
      ? [fieldError.required('provisioner')]
      : invalid('provisioner', provisioner.toLowerCase(), checkQualifiedName(provisioner.toLowerCase()))),
    ...validateParameters(parameters),
    ...validateOptionalChoice(storageClass.reclaimPolicy, 'reclaimPolicy', ['Delete', 'Retain']),
    ...validateChoice(storageClass.volumeBindingMode, 'volumeBindingMode', [
      'Immediate',
      'WaitForFirstConsumer',
    ]),
    ...(storageClass.allowedTopologies ?? []).flatMap((term, index) =>
      validateTopology(term, at('allowedTopologies', index)),
    ),
  ]
}

const validateParameters = (parameters: Readonly<Record<string, string>>): readonly FieldError[] => {
  const field = 'parameters'
  const entries = Object.entries(parameters)
  if (entries.length > parametersMax) return [fieldError.tooLong(field, parametersMax)]
  const totalBytes = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0)
  return [
    ...entries
      .filter(([key]) => key === '')
      .map(([key]) => fieldError.invalid(field, key, 'field can not be empty.')),
    ...(totalBytes > parametersBytesMax ? [fieldError.tooLong(field, parametersBytesMax)] : []),
  ]
}

const validateTopology = (
  { matchLabelExpressions = [] }: Sent<TopologySelectorTerm>,
  path: string,
): readonly FieldError[] => {
  const keys = new Set<string>()
  return matchLabelExpressions.flatMap(({ key = '', values = [] }, index) => {
    const field = at(`${path}.matchLabelExpressions`, index)
    const errors: FieldError[] = [...validateQualifiedName(key, `${field}.key`)]
    if (keys.has(key)) errors.push(fieldError.duplicate(`${field}.key`, key))
    keys.add(key)
    if (values.length === 0) errors.push(fieldError.required(`${field}.values`))
    const seen = new Set<string>()
    for (const [valueIndex, value] of values.entries()) {
      if (seen.has(value)) errors.push(fieldError.duplicate(at(`${field}.values`, valueIndex), value))
      seen.add(value)
    }
    return errors
  })
}

const validateUpdate = (storageClass: StorageClass, old: StorageClass): readonly FieldError[] => [
  ...(['parameters', 'provisioner', 'reclaimPolicy'] as const)
    .filter((name) => !semanticEqual(storageClass[name], old[name]))
    .map((name) => fieldError.forbidden(name, `updates to ${name} are forbidden.`)),
  ...validateImmutable('volumeBindingMode', storageClass.volumeBindingMode, old.volumeBindingMode),
]
