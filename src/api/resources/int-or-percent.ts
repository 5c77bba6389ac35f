/** A count or a share of all: `maxUnavailable`, `minAvailable` (kubernetes pkg/apis/apps/validation/validation.go 693c5f5). */
import { fieldError, type FieldError } from '../field-errors.ts'
import { percentOf, type IntOrString } from '../int-or-string.ts'
import { checkPercent } from '../names.ts'
import { invalid } from '../validate-meta.ts'
import { validateNonnegative } from './validate-values.ts'

type Errors = readonly FieldError[]

export const validateIntOrPercent = (amount: IntOrString, field: string): Errors =>
  typeof amount === 'string'
    ? invalid(field, amount, checkPercent(amount))
    : validateNonnegative(amount, field)

export const validateAtMostAll = (amount: IntOrString, field: string): Errors =>
  (percentOf(amount) ?? 0) > 100 ? [fieldError.invalid(field, amount, 'must not be greater than 100%')] : []

/** The number in it, whatever it counts: for telling zero from anything else. */
export const amountOf = (amount: IntOrString): number =>
  percentOf(amount) ?? (typeof amount === 'number' ? amount : 0)
