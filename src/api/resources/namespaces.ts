import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Label, checkQualifiedName } from '../names.ts'
import { at } from '../paths.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Namespace } from '../schema/types.gen.ts'
import { invalid, validateFinalizerDomain } from '../validate-meta.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'

const nameLabel = 'kubernetes.io/metadata.name'

export const namespaces: ResourceDef<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  listKind: 'NamespaceList',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  namespaced: false,
  verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
  subresources: [statusSubresource, { name: 'finalize', verbs: ['update'] }],
  get schema() {
    return typeNamed('core.v1.Namespace')
  },
  columns: [
    nameColumn(),
    { name: 'Status', type: 'string', value: (namespace) => namespace.status?.phase ?? '' },
    ageColumn(),
  ],
  selectableFields: { 'status.phase': (namespace) => namespace.status?.phase ?? '' },
  validateName: checkDns1123Label,
  applyDefaults: (namespace) => {
    namespace.spec ??= {}
    namespace.status ??= {}
    namespace.status.phase ??= 'Active'
    setNameLabel(namespace)
  },
  prepareForCreate: (namespace) => {
    setNameLabel(namespace) // its name may have been generated after defaulting
    namespace.status = { phase: 'Active' }
    const finalizers = namespace.spec.finalizers ?? []
    // Whoever empties a namespace removes it; until then the namespace stays.
    namespace.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes']
  },
  prepareForUpdate: (namespace, old, { subresource }) => {
    if (subresource === 'status') keepSpec(namespace, old)
    else keepStatus(namespace, old)
    if (subresource === undefined) {
      if (old.spec.finalizers === undefined) delete namespace.spec.finalizers
      else namespace.spec.finalizers = [...old.spec.finalizers]
    }
  },
  validate: (namespace, old, { subresource }) => {
    if (subresource === 'status') return validatePhase(namespace)
    return old === undefined || subresource === 'finalize'
      ? validateFinalizers(namespace, subresource === 'finalize')
      : []
  },
}

/** Selectors find a namespace by its name through this label; a client can't give it another value. */
const setNameLabel = ({ metadata }: Namespace): void => {
  const name = metadata.name ?? ''
  if (name !== '') metadata.labels = { ...metadata.labels, [nameLabel]: name }
}

/** The path of an error has an index only where `/finalize` is written: upstream's habit. */
const validateFinalizers = ({ spec }: Namespace, isIndexed: boolean): readonly FieldError[] =>
  (spec.finalizers ?? []).flatMap((name, index) => {
    const path = isIndexed ? at('spec.finalizers', index) : 'spec.finalizers'
    return [...invalid(path, name, checkQualifiedName(name)), ...validateFinalizerDomain(name, path)]
  })

const validatePhase = ({ metadata, status }: Namespace): readonly FieldError[] => {
  const isBeingDeleted = (metadata.deletionTimestamp ?? '') !== ''
  const phase = isBeingDeleted ? 'Terminating' : 'Active'
  if (status?.phase === phase) return []
  const why = `may only be '${phase}' if \`deletionTimestamp\` is ${isBeingDeleted ? 'not empty' : 'empty'}`
  return [fieldError.invalid('status.Phase', status?.phase ?? '', why)]
}
