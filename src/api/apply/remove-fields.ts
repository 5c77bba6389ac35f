/** An object without the fields of a set, and the closure of a set that such a removal needs. */
import { defineField, type JsonObject, type JsonValue } from '../json.ts'
import type { Schema } from '../schema/schema.ts'
import { fieldElement } from './element.ts'
import { asMember, isEmptySet, isMember, leaf, type FieldSet } from './field-set.ts'
import {
  fieldsIn,
  isNamed,
  isWhole,
  itemElements,
  itemsIn,
  schemaOfField,
  schemaOfItem,
  shapeOf,
} from './shape.ts'

/** Shares structure with the object, which stays as it is. Where nothing is left, null is: absence is the decoder's to make. */
export const removeFields = (object: JsonObject, set: FieldSet, schema: Schema): JsonObject =>
  isEmptySet(set) ? object : fieldsIn(without(object, set, schema))

function without(value: JsonValue, set: FieldSet, schema: Schema): JsonValue {
  const shape = shapeOf(schema, value)
  if (shape === 'fields') return withoutFields(fieldsIn(value), set, schema)
  return shape === 'items' ? withoutItems(itemsIn(value), set, schema) : value
}

function withoutFields(object: JsonObject, set: FieldSet, schema: Schema): JsonValue {
  const kept: Record<string, JsonValue> = {}
  for (const name in object) {
    const value = object[name]
    const node = set[fieldElement(name)]
    if (value === undefined || (node && isMember(node))) continue
    defineField(kept, name, node ? without(value, node, schemaOfField(schema, name)) : value)
  }
  return isEmptyObject(kept) ? null : kept
}

function withoutItems(items: readonly JsonValue[], set: FieldSet, schema: Schema): JsonValue {
  if (schema.kind !== 'list') return items
  const elements = itemElements(schema, items)
  const kept = items.flatMap((item, i) => {
    const node = set[elements[i] ?? '']
    if (!node) return [item]
    return isMember(node) ? [] : [without(item, node, schemaOfItem(schema))]
  })
  return kept.length > 0 ? kept : null
}

const isEmptyObject = (object: object): boolean => Object.keys(object).length === 0

/**
 * Named fields are members only when somebody wrote them empty; with everything in them gone they must go as well. So
 * each named field on the way to a member becomes one, keys of maps and items don't.
 */
export function withNamedParents(set: FieldSet, schema: Schema): FieldSet {
  const all: Record<string, FieldSet> = {}
  for (const element in set) {
    const node = set[element]
    if (!node) continue
    if (element === '.' || isEmptySet(node)) {
      all[element] = node
      continue
    }
    const name = element.startsWith('f:') ? element.slice(2) : undefined
    const inner = withNamedParents(
      node,
      name === undefined ? schemaOfItem(schema) : schemaOfField(schema, name),
    )
    all[element] = name !== undefined && isNamed(schema, name) ? asMember(inner) : inner
  }
  return all
}

/** The set as its schema sees it today: what became atomic since is owned as a whole by whoever owned a part. */
export function withAtomicWholes(set: FieldSet, schema: Schema): FieldSet {
  let changed: Record<string, FieldSet> | undefined
  for (const element in set) {
    const node = set[element]
    if (element === '.' || !node || isEmptySet(node)) continue
    const inner = element.startsWith('f:') ? schemaOfField(schema, element.slice(2)) : schemaOfItem(schema)
    const isStruct = inner.kind === 'object' || inner.kind === 'map' || inner.kind === 'list'
    const after = isStruct && isWhole(inner) ? leaf : withAtomicWholes(node, inner)
    if (after === node) continue
    changed ??= { ...set }
    changed[element] = after
  }
  return changed ?? set
}
