/** JSON pointers (RFC 6901): `/spec/containers/0/image`, with `~1` for a slash and `~0` for a tilde. */

/** The unescaped steps of a pointer; undefined when the text isn't one. The empty pointer is the whole document. */
export const parsePointer = (pointer: string): readonly string[] | undefined => {
  if (pointer === '') return []
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

export const formatPointer = (steps: readonly string[]): string =>
  steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** A list index as RFC 6901 writes it: no sign, no leading zero. */
export const parseIndex = (step: string): number | undefined =>
  /^(?:0|[1-9]\d{0,8})$/.test(step) ? Number(step) : undefined
