/** How volumes and claims may be mounted (kubernetes pkg/apis/core/helper/helpers.go, pkg/apis/core/validation/validation.go 038b410). */
import { fieldError, type FieldError } from '../field-errors.ts'

const shortNames: readonly (readonly [mode: string, short: string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]

const supported = shortNames.map(([mode]) => mode).toSorted()

/** The ACCESS MODES column: `RWO,RWX`. */
export const accessModesText = (modes: readonly string[] | undefined): string =>
  shortNames
    .filter(([mode]) => (modes ?? []).includes(mode))
    .map(([, short]) => short)
    .join(',')

export const validateAccessModes = (
  modes: readonly string[],
  field: string,
  whyRequired: string,
): readonly FieldError[] => {
  const errors: FieldError[] = modes
    .filter((mode) => !supported.includes(mode))
    .map((mode) => fieldError.notSupported(field, mode, supported))
  if (modes.length === 0) errors.push(fieldError.required(field, whyRequired))
  const others = modes.filter((mode) => mode !== 'ReadWriteOncePod' && supported.includes(mode))
  if (!modes.includes('ReadWriteOncePod') || others.length === 0) return errors
  return [...errors, fieldError.forbidden(field, 'may not use ReadWriteOncePod with other access modes')]
}

export const volumeModes: readonly string[] = ['Block', 'Filesystem']
