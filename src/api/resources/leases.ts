import { fieldError, type FieldError } from '../field-errors.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Lease } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { validateNonnegative } from './validate-values.ts'

export const leases: ResourceDef<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  listKind: 'LeaseList',
  plural: 'leases',
  singular: 'lease',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('coordination.v1.Lease')
  },
  columns: [
    nameColumn(),
    { name: 'Holder', type: 'string', value: ({ spec }) => spec.holderIdentity ?? '' },
    ageColumn(),
  ],
  // Two holders may not overwrite each other unseen.
  requiresResourceVersionOnUpdate: true,
  createOnUpdate: true,
  applyDefaults: (lease) => {
    lease.spec ??= {}
  },
  validate: ({ spec }) => validateSpec(spec),
}

/** kubernetes pkg/apis/coordination/validation/validation.go */
const validateSpec = (spec: Lease['spec']): readonly FieldError[] => {
  const { leaseDurationSeconds: seconds, preferredHolder = '', strategy = '' } = spec
  const errors: FieldError[] = []
  if (seconds !== undefined && seconds <= 0) {
    errors.push(fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
  }
  errors.push(...validateNonnegative(spec.leaseTransitions, 'spec.leaseTransitions'))
  if (preferredHolder !== '' && strategy === '') {
    const why = 'may only be specified if `strategy` is defined'
    errors.push(fieldError.forbidden('spec.preferredHolder', why))
  }
  return errors
}
