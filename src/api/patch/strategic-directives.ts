/** The words of a strategic merge patch that aren't fields, and how a value looks without them. */
import { defineField, fieldOf, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { badRequest, type StatusError } from '../status.ts'

export const directive = '$patch'
export const retainKeys = '$retainKeys'
export const setOrderPrefix = '$setElementOrder/'
export const deleteOrderPrefix = '$deleteFromPrimitiveList/'

export const isDirectiveKey = (name: string): boolean =>
  name === directive ||
  name === retainKeys ||
  name.startsWith(setOrderPrefix) ||
  name.startsWith(deleteOrderPrefix)

/**
 * The value as it is stored when there is nothing to merge it with: without nulls in objects and without directives.
 * An object that carries `$patch` is an order, not a value: undefined, unless `keepSelf` asks for its other fields.
 */
export const withoutDirectives = (
  value: JsonValue,
  self: { readonly keepSelf: boolean },
): JsonValue | undefined => {
  if (isJsonArray(value)) {
    const items = value.map((item) => withoutDirectives(item, { keepSelf: false }))
    return items.every((item, index) => item === value[index])
      ? value
      : items.filter((item) => item !== undefined)
  }
  if (!isJsonObject(value)) return value
  if (!self.keepSelf && fieldOf(value, directive) !== undefined) return undefined
  const result: Record<string, JsonValue> = {}
  let isChanged = false
  for (const [name, field] of Object.entries(value)) {
    const isDropped = field === null || isDirectiveKey(name)
    const next = isDropped ? undefined : withoutDirectives(field, { keepSelf: false })
    if (next !== field) isChanged = true
    if (next !== undefined) defineField(result, name, next)
  }
  return isChanged ? result : value
}

/** The object's fields without nulls and directives, its own `$patch` included. */
export const plainObject = (object: JsonObject): JsonObject => {
  const plain = withoutDirectives(object, { keepSelf: true })
  return isJsonObject(plain) ? plain : {}
}

export const unknownDirective = (order: JsonValue, patch: JsonObject): StatusError =>
  badRequest(`unknown patch type: ${goText(order)} in map: ${goText(patch)}`)

export const noMergeKey = (
  item: JsonObject,
  place: { readonly mergeKey: string; readonly path: string },
): StatusError =>
  badRequest(`map: ${goText(item)} does not contain declared merge key: ${place.mergeKey} (in ${place.path})`)

const shownLengthMax = 500 // the error repeats what the client sent; this much identifies it

/** A value as Go's `%v` prints it, which is what upstream's messages contain: `map[image:x name:web]`. */
export const goText = (value: JsonValue): string => {
  const text = goTextOf(value)
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text
}

const goTextOf = (value: JsonValue): string => {
  if (value === null) return '<nil>'
  if (isJsonArray(value)) return `[${value.map(goTextOf).join(' ')}]`
  if (!isJsonObject(value)) return String(value)
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${name}:${goTextOf(fieldOf(value, name) ?? null)}`)
  return `map[${fields.join(' ')}]`
}
