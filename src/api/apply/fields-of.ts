/** The set of fields that a configuration speaks of: what its applier will own. */
import type { JsonObject, JsonValue } from '../json.ts'
import type { Schema } from '../schema/schema.ts'
import { fieldElement } from './element.ts'
import { asMember, emptySet, leaf, type FieldSet } from './field-set.ts'
import {
  fieldsIn,
  isBare,
  isNamed,
  isWhole,
  itemElements,
  itemsIn,
  schemaOfField,
  schemaOfItem,
  shapeOf,
} from './shape.ts'

export const fieldsOf = (object: JsonObject, schema: Schema): FieldSet => nodeOf(object, schema) ?? emptySet

/** Undefined when neither the value nor anything in it is a member; a null is one only through its parent. */
function nodeOf(value: JsonValue, schema: Schema): FieldSet | undefined {
  if (value === null) return isWhole(schema) ? leaf : undefined
  const shape = shapeOf(schema, value)
  if (shape === 'fields') return fieldNodes(fieldsIn(value), schema)
  return shape === 'items' ? itemNodes(itemsIn(value), schema) : leaf
}

function fieldNodes(object: JsonObject, schema: Schema): FieldSet | undefined {
  const nodes: Record<string, FieldSet> = {}
  let isAny = false
  for (const name in object) {
    const value = object[name]
    if (value === undefined) continue
    const inner = nodeOf(value, schemaOfField(schema, name))
    // An empty list of items is nobody's; an empty object is its applier's wish.
    const isOwn = !isNamed(schema, name) || (isBare(value) && !Array.isArray(value))
    const node = isOwn ? asMember(inner) : inner
    if (!node) continue
    nodes[fieldElement(name)] = node
    isAny = true
  }
  return isAny ? nodes : undefined
}

function itemNodes(items: readonly JsonValue[], schema: Schema): FieldSet | undefined {
  if (schema.kind !== 'list' || items.length === 0) return undefined
  const nodes: Record<string, FieldSet> = {}
  for (const [i, element] of itemElements(schema, items).entries()) {
    if (element === undefined) continue
    // Items that can't be told apart are owned as one, whatever is in them.
    const isRepeated = nodes[element] !== undefined
    nodes[element] = isRepeated ? leaf : asMember(nodeOf(items[i] ?? null, schemaOfItem(schema)))
  }
  return nodes
}
