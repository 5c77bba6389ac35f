/** The query of a write, checked. */
import { fieldError, type FieldError } from '../api/field-errors.ts'
import { invalid } from '../api/status.ts'
import { isTrue } from './request-info.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface WriteOptions {
  readonly dryRun: boolean
  /** An apply takes what others own. */
  readonly force: boolean
  readonly fieldValidation: FieldValidation
}

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions'

const validations = ['Ignore', 'Strict', 'Warn']

const plainOptions: WriteOptions = { dryRun: false, force: false, fieldValidation: 'Warn' }

/** As upstream limits the name of a field manager. */
export const fieldManagerBytesMax = 128

/** `isApply`: of a server-side apply, which alone may be forced and must say who applies. */
export function writeOptionsOf(
  query: URLSearchParams,
  kind: OptionsKind,
  { isApply = false }: { readonly isApply?: boolean } = {},
): WriteOptions {
  if (query.size === 0 && !isApply) return plainOptions
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  const fieldValidation = query.get('fieldValidation') ?? ''
  const errors = [
    ...applyErrors(query, kind, isApply),
    ...fieldManagerErrors(query.get('fieldManager') ?? ''),
    ...dryRunErrors(dryRun),
    ...(fieldValidation === '' || isFieldValidation(fieldValidation)
      ? []
      : [fieldError.notSupported('fieldValidation', fieldValidation, ['', ...validations])]),
  ]
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    force: isApply && isTrue(query.get('force')),
    fieldValidation: isFieldValidation(fieldValidation) ? fieldValidation : 'Warn',
  }
}

function applyErrors(query: URLSearchParams, kind: OptionsKind, isApply: boolean): readonly FieldError[] {
  if (kind !== 'PatchOptions') return []
  if (!isApply)
    return query.has('force')
      ? [fieldError.forbidden('force', 'may not be specified for non-apply patch')]
      : []
  const isNamed = (query.get('fieldManager') ?? '') !== ''
  return isNamed ? [] : [fieldError.required('fieldManager', 'is required for apply patch')]
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

function fieldManagerErrors(manager: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (Buffer.byteLength(manager) > fieldManagerBytesMax)
    errors.push(fieldError.tooLong('fieldManager', fieldManagerBytesMax))
  let position = 0
  for (const char of manager) {
    if (!printable.test(char)) {
      const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
      const why = `invalid character U+${code} (at position ${position})`
      return [...errors, fieldError.invalid('fieldManager', manager, why)]
    }
    position += Buffer.byteLength(char)
  }
  return errors
}

export const dryRunErrors = (dryRun: readonly string[]) =>
  dryRun.every((value) => value === 'All') ? [] : [fieldError.notSupported('dryRun', dryRun, ['All'])]

const isFieldValidation = (text: string): text is FieldValidation => validations.includes(text)
