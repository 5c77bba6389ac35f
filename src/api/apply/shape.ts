/**
 * How a value of a schema is owned: as a whole, field by field, or item by item. Everything else in this folder walks
 * values by these three shapes and asks nothing more of the schema.
 *
 * A value without a schema (`any`, an unknown field) is taken as it looks: its objects field by field, its lists whole.
 */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import type { ListSchema, ScalarSchema, Schema } from '../schema/schema.ts'
import { compareText, keyElement, valueElement } from './element.ts'

export type Shape = 'whole' | 'fields' | 'items'

/** What a value may be while it is compared: absent, or anything of JSON. */
export type Value = JsonValue | undefined

/** Undefined for null and for nothing: they take the shape of what they stand beside. */
export function shapeOf(schema: Schema, value: Value): Shape | undefined {
  if (value === undefined || value === null) return undefined
  if (isWhole(schema)) return 'whole'
  if (schema.kind === 'list') return isJsonArray(value) ? 'items' : 'whole'
  return isJsonObject(value) ? 'fields' : 'whole'
}

/** Whether the schema owns its values as a whole, whatever they are. */
export const isWhole = (schema: Schema): boolean => {
  if (schema.kind === 'object' || schema.kind === 'map') return schema.atomic
  return schema.kind === 'list' ? schema.listType === 'atomic' : schema.kind !== 'any'
}

const anything: ScalarSchema = { kind: 'any' }

export const schemaOfField = (schema: Schema, name: string): Schema => {
  if (schema.kind === 'object') return schema.fields.get(name)?.schema ?? anything
  return schema.kind === 'map' ? schema.values : anything
}

export const schemaOfItem = (schema: Schema): Schema => (schema.kind === 'list' ? schema.items : anything)

/** A field that its schema knows by name, not a key of a map: it needs no owner of its own while it has fields. */
export const isNamed = (schema: Schema, name: string): boolean =>
  schema.kind === 'object' && schema.fields.has(name)

/** The fields of an object; of null and of nothing, none. */
export const fieldsIn = (value: Value): JsonObject => (isJsonObject(value) ? value : noFields)
export const itemsIn = (value: Value): readonly JsonValue[] => (isJsonArray(value) ? value : noItems)
const noFields: JsonObject = Object.freeze({})
const noItems: readonly JsonValue[] = Object.freeze([])

export const isBare = (value: Value): boolean =>
  value === undefined ||
  value === null ||
  (isJsonArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0)

/** The step that identifies an item, or why it has none. */
export type ItemStep = { readonly element: string } | { readonly error: string }

export const itemStep = (list: ListSchema, item: JsonValue): ItemStep =>
  list.listType === 'map' ? keyedStep(list, item) : valueStep(item)

function keyedStep({ items, keys }: ListSchema, item: JsonValue): ItemStep {
  if (item === null) return { error: 'associative list with keys may not have a null element' }
  if (!isJsonObject(item)) return { error: 'associative list with keys may not have non-map elements' }
  const found: [string, JsonValue][] = []
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : undefined
    const known = value === undefined ? defaultOf(items, key) : value
    if (known !== undefined) found.push([key, known])
  }
  if (found.length === 0) {
    const names = keys.map((key) => `"${key}"`).join(' ')
    return {
      error: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    }
  }
  if (found.length > 1) found.sort(([a], [b]) => compareText(a, b))
  return { element: keyElement(found) }
}

const defaultOf = (items: Schema, key: string): Value =>
  items.kind === 'object' ? (items.fields.get(key)?.schema.default as Value) : undefined

function valueStep(item: JsonValue): ItemStep {
  if (item === null) return { error: "associative list without keys has an element that's an explicit null" }
  if (isJsonArray(item)) return { error: 'not supported: associative list with lists as elements' }
  if (isJsonObject(item)) return { error: "associative list without keys has an element that's a map type" }
  return { element: valueElement(item) }
}

/** The steps of a list's items, in order; undefined where an item has none (a stored object from before its schema). */
export const itemElements = (list: ListSchema, items: readonly JsonValue[]): (string | undefined)[] =>
  items.map((item) => {
    const step = itemStep(list, item)
    return 'element' in step ? step.element : undefined
  })
