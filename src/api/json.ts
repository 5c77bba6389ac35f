/** What `JSON.parse` yields. Patches and decoders work on it before anything is known about its type. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

export interface JsonObject {
  readonly [key: string]: JsonValue
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isJsonArray = (value: unknown): value is readonly JsonValue[] => Array.isArray(value)

/** For walks through documents of a known form, where a missing member and an empty one are the same. */
export const objectOf = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {})

/** An own field; `__proto__` and `constructor` are ordinary names here, never the prototype's. */
export const fieldOf = (object: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** Sets an own field of an object that the caller owns, whatever the name; assignment would run `__proto__`'s setter. */
export const defineField = (object: Record<string, JsonValue>, name: string, value: JsonValue): void => {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  } else {
    object[name] = value
  }
}

/** For messages: what a value is, in a word. */
export const jsonTypeOf = (value: unknown): string => {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'list'
  return typeof value
}
