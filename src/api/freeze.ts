/**
 * Freezes a value and everything in it, and returns it. Shared objects (informers, caches) are frozen in development
 * and tests so that a write to one fails where it happens. A frozen object is taken to be frozen all the way down.
 */
export const deepFreeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
