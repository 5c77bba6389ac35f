/** What `immutable: true` of a ConfigMap or Secret forbids (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../field-errors.ts'
import { semanticEqual } from './semantic-equal.ts'

const message = 'field is immutable when `immutable` is set'

export const validateSealed = <T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): readonly FieldError[] => {
  if (old.immutable !== true) return []
  const errors = object.immutable === true ? [] : [fieldError.forbidden('immutable', message)]
  for (const field of fields) {
    if (!semanticEqual(object[field], old[field])) errors.push(fieldError.forbidden(field, message))
  }
  return errors
}
