/**
 * What the writer of a new object set: exactly what `compare` finds where there was nothing before, in the order of a FieldsV1
 * document. One walk in place of four, because every create pays for it.
 */
import type { JsonObject, JsonValue } from '../json.ts'
import type { Schema } from '../schema/schema.ts'
import { itemNodes, wholeNode, zeroOf } from './compare.ts'
import { fieldElement, inOrder } from './element.ts'
import { emptySet, isEmptySet, type FieldSet, type GrowingSet } from './field-set.ts'
import { fieldsIn, isBare, isWhole, itemsIn, schemaOfField, shapeOf, type Value } from './shape.ts'

/** Of an object of which only what a writer may own is left. */
export const createdFields = (object: JsonObject, schema: Schema): FieldSet =>
  fieldNodes(object, schema, (name) =>
    // Every object has metadata: that there is some is nobody's doing.
    name === 'metadata' ? noFields : zeroIn(schema, name),
  ) ?? emptySet

const noFields: JsonObject = Object.freeze({})

const zeroIn = (schema: Schema, name: string): Value => {
  const field = schema.kind === 'object' ? schema.fields.get(name) : undefined
  return field && zeroOf(field)
}

/** `zeroOf` says what a field was before. Undefined: nobody owns any of them. */
function fieldNodes(
  object: JsonObject,
  schema: Schema,
  zero: (name: string) => Value,
): GrowingSet | undefined {
  const nodes: GrowingSet = {}
  for (const name of inOrder(Object.keys(object))) {
    const value = object[name]
    const node = value === undefined ? undefined : nodeOf(zero(name), value, schemaOfField(schema, name))
    if (node) nodes[fieldElement(name)] = node
  }
  return isEmptySet(nodes) ? undefined : nodes
}

const nothingBefore = () => undefined

/** A value in place of `before`: of nothing, or of the zero value that the field always has. Undefined: nobody owns any of it. */
function nodeOf(before: Value, value: JsonValue, schema: Schema): GrowingSet | undefined {
  if (value === null && (schema.nullable !== true || before === null)) return undefined
  if (before === undefined) return wholeNode(value, schema)
  const shape = shapeOf(schema, value)
  if (before === null) {
    if (isBare(value) || isWhole(schema)) return {}
    if (shape === 'fields') return fieldNodes(fieldsIn(value), schema, nothingBefore)
    return shape === 'items' ? itemNodes(itemsIn(value), schema) : {}
  }
  if (shape !== 'fields') return {}
  return isBare(value) ? undefined : fieldNodes(fieldsIn(value), schema, (name) => zeroIn(schema, name))
}
