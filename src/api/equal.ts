/**
 * Deep equality of JSON-like values. An absent field and one that is `undefined` are the same; the order of fields
 * doesn't matter, that of list elements does. Objects that are identical are equal at once, so comparing an object
 * with a version that shares most of its parts is cheap.
 */
export const isEqual = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a)) return Array.isArray(b) && areListsEqual(a, b)
  return !Array.isArray(b) && areObjectsEqual(a, b)
}

const areListsEqual = (a: readonly unknown[], b: readonly unknown[]): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false
  return true
}

const areObjectsEqual = (a: object, b: object): boolean => {
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key in left) {
    const other = Object.hasOwn(right, key) ? right[key] : undefined
    if (Object.hasOwn(left, key) && !isEqual(left[key], other)) return false
  }
  for (const key in right) {
    if (Object.hasOwn(right, key) && right[key] !== undefined && !Object.hasOwn(left, key)) return false
  }
  return true
}
