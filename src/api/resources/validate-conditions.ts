/** Conditions that kinds of all sorts have (apimachinery pkg/apis/meta/v1/validation/validation.go eed236c). */
import { byteLength } from './byte-length.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import type { Condition } from '../schema/types.gen.ts'
import type { Sent } from './sent.ts'
import { validateQualifiedName } from './validate-values.ts'

const statuses: readonly string[] = ['False', 'True', 'Unknown']
const reasonRegex = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'
const reasonBytesMax = 1_024
const messageBytesMax = 32 * 1_024
const reasonMessage = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '${reasonRegex}')`

export const validateConditions = (
  conditions: Sent<readonly Condition[]>,
  path: string,
): readonly FieldError[] => {
  const types = new Set<string>()
  return conditions.flatMap((condition, index) => {
    const field = at(path, index)
    const { type = '' } = condition
    const errors: FieldError[] = types.has(type) ? [fieldError.duplicate(`${field}.type`, type)] : []
    types.add(type)
    return [...errors, ...validateCondition(condition, field)]
  })
}

const validateCondition = (condition: Sent<Condition>, path: string): readonly FieldError[] => {
  const { lastTransitionTime = '', message = '', observedGeneration = 0 } = condition
  const { reason = '', status = '', type = '' } = condition
  const errors: FieldError[] = [...validateQualifiedName(type, `${path}.type`)]
  if (!statuses.includes(status)) {
    errors.push(fieldError.notSupported(`${path}.status`, status, statuses))
  }
  if (observedGeneration < 0) {
    const why = 'must be greater than or equal to zero'
    errors.push(fieldError.invalid(`${path}.observedGeneration`, observedGeneration, why))
  }
  if ((lastTransitionTime ?? '') === '') {
    errors.push(fieldError.required(`${path}.lastTransitionTime`, 'must be set'))
  }
  if (reason === '') errors.push(fieldError.required(`${path}.reason`, 'must be set'))
  else if (byteLength(reason) > reasonBytesMax) {
    errors.push(fieldError.tooLong(`${path}.reason`, reasonBytesMax))
  } else if (!new RegExp(`^${reasonRegex}$`).test(reason)) {
    errors.push(fieldError.invalid(`${path}.reason`, reason, reasonMessage))
  }
  if (byteLength(message) <= messageBytesMax) return errors
  return [...errors, fieldError.tooLong(`${path}.message`, messageBytesMax)]
}
