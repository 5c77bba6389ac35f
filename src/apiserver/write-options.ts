/** The query of a write, checked. */
import { fieldError } from '../api/field-errors.ts'
import { invalid } from '../api/status.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldValidation: FieldValidation
}

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions'

const validations = ['Ignore', 'Strict', 'Warn']

export function writeOptionsOf(query: URLSearchParams, kind: OptionsKind): WriteOptions {
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  const fieldValidation = query.get('fieldValidation') ?? ''
  const errors = [
    ...dryRunErrors(dryRun),
    ...(fieldValidation === '' || isFieldValidation(fieldValidation)
      ? []
      : [fieldError.notSupported('fieldValidation', fieldValidation, ['', ...validations])]),
  ]
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: isFieldValidation(fieldValidation) ? fieldValidation : 'Warn',
  }
}

export const dryRunErrors = (dryRun: readonly string[]) =>
  dryRun.every((value) => value === 'All') ? [] : [fieldError.notSupported('dryRun', dryRun, ['All'])]

const isFieldValidation = (text: string): text is FieldValidation => validations.includes(text)
