/**
 * Field paths as error messages show them: `spec.containers[0].ports[1].name`, `metadata.labels[app]`.
 * A path is plain text; the empty path is the object itself.
 */
export const child = (path: string, ...names: readonly string[]): string =>
  path === '' ? names.join('.') : [path, ...names].join('.')

/** The element of a list. */
export const at = (path: string, index: number): string => `${path}[${index}]`

/** The entry of a map. */
export const keyed = (path: string, key: string): string => `${path}[${key}]`
