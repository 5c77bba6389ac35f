/**
 * What has changed between two states of an object, as sets of fields. A pair of unchanged objects costs one walk and
 * no allocation worth mentioning: servers compare at every write.
 */
import { isEqual } from '../equal.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import type { FieldDef, ListSchema, Schema } from '../schema/schema.ts'
import { fieldElement, inOrder, sortElements } from './element.ts'
import { insertNode, insertPath, isEmptySet, union, type FieldSet, type GrowingSet } from './field-set.ts'
import {
  fieldsIn,
  isBare,
  isWhole,
  itemElements,
  itemsIn,
  schemaOfField,
  shapeOf,
  type Shape,
  type Value,
} from './shape.ts'

/** No path is in two of them. */
export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

export const compare = (old: JsonObject, next: JsonObject, schema: Schema): Comparison => {
  const comparer = new Comparer()
  comparer.value(old, next, schema)
  return comparer
}

export const isUnchanged = ({ added, modified, removed }: Comparison): boolean =>
  isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed)

export const changedFields = ({ added, modified }: Comparison): FieldSet => union(added, modified)

class Comparer implements Comparison {
  readonly added: GrowingSet = {}
  readonly modified: GrowingSet = {}
  readonly removed: GrowingSet = {}
  readonly #path: string[] = []
  readonly #parents = new WeakSet<GrowingSet>()

  /** At least one of the two is there. */
  value(old: Value, next: Value, schema: Schema): void {
    if (old === next) return
    if (old === undefined) return insertNode(this.added, this.#path, wholeNode(next, schema), this.#parents)
    if (next === undefined) return insertNode(this.removed, this.#path, wholeNode(old, schema), this.#parents)
    const [before, after] = [shapeOf(schema, old), shapeOf(schema, next)]
    if (before !== undefined && after !== undefined && before !== after) {
      this.#within(before, old, undefined, schema)
      this.#within(after, undefined, next, schema)
      insertPath(this.modified, this.#path, this.#parents)
      return
    }
    const shape = after ?? before ?? 'whole'
    // Null, empty and absent differ although there is nothing in any of them.
    if (shape === 'whole' || isWhole(schema) || (isBare(old) && isBare(next))) {
      if (!isEqual(old, next)) insertPath(this.modified, this.#path, this.#parents)
      return
    }
    this.#within(shape, old, next, schema)
  }

  #within(shape: Shape, old: Value, next: Value, schema: Schema): void {
    if (shape === 'fields') this.#fields(old, next, schema)
    if (shape === 'items' && schema.kind === 'list') this.#items(itemsIn(old), itemsIn(next), schema)
  }

  #fields(old: Value, next: Value, schema: Schema): void {
    const [before, after] = [fieldsIn(old), fieldsIn(next)]
    for (const name in before) this.#field(name, old, next, schema)
    for (const name in after) if (ownField(before, name) === undefined) this.#field(name, old, next, schema)
  }

  #field(name: string, old: Value, next: Value, schema: Schema): void {
    const before = ownField(old, name)
    const after = ownField(next, name)
    if (before === after) return
    const field = schema.kind === 'object' ? schema.fields.get(name) : undefined
    const absent = field && zeroOf(field)
    const inner = field?.schema ?? schemaOfField(schema, name)
    // A null that no store keeps is as good as no field.
    if (inner.nullable !== true && (before ?? null) === (after ?? null)) return
    this.#path.push(fieldElement(name))
    this.value(
      before === undefined && isJsonObject(old) ? absent : before,
      after === undefined && isJsonObject(next) ? absent : after,
      inner,
    )
    this.#path.pop()
  }

  #items(old: readonly JsonValue[], next: readonly JsonValue[], schema: ListSchema): void {
    // Most lists are as they were; to name their items would cost more than to look.
    if (isEqual(old, next)) return
    const before = grouped(old, schema)
    const after = grouped(next, schema)
    for (const [element, items] of before) this.#item(element, items, after.get(element) ?? [], schema)
    for (const [element, items] of after) if (!before.has(element)) this.#item(element, [], items, schema)
  }

  /** Several items under one step are taken as a whole. */
  #item(
    element: string,
    old: readonly JsonValue[],
    next: readonly JsonValue[],
    { items: schema }: ListSchema,
  ): void {
    this.#path.push(element)
    const areMany = { old: old.length > 1, next: next.length > 1 }
    if (areMany.old && areMany.next) {
      if (!isEqual(old, next)) insertPath(this.modified, this.#path, this.#parents)
    } else if (areMany.old) {
      if (next.length > 0) this.value(undefined, next[0], schema)
      insertPath(this.removed, this.#path, this.#parents)
    } else if (areMany.next) {
      if (old.length > 0) this.value(old[0], undefined, schema)
      insertPath(this.added, this.#path, this.#parents)
    } else {
      this.value(old[0], next[0], schema)
    }
    this.#path.pop()
  }
}

const noFields: JsonObject = Object.freeze({})

const ownField = (value: Value, name: string): Value =>
  isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

/**
 * What an absent field of an object is in Go where it cannot be absent: an empty struct, or null for a list that must
 * be there. To write the first thing into one doesn't make the field itself anybody's.
 */
export function zeroOf({ number, pointer, required, schema }: FieldDef): Value {
  if (pointer || number === 0) return undefined
  if (schema.kind === 'object') return schema.atomic ? undefined : noFields
  return required && (schema.kind === 'list' || schema.kind === 'map') ? null : undefined
}

/** Of a value that is there on one side only everything is a member, however it is named. In the order of a document. */
export function wholeNode(value: Value, schema: Schema): GrowingSet {
  const shape = shapeOf(schema, value)
  if (shape === undefined || shape === 'whole' || isBare(value)) return {}
  if (shape === 'items') {
    const items = itemNodes(itemsIn(value), schema)
    return items ? { '.': {}, ...items } : {}
  }
  const object = fieldsIn(value)
  const node: GrowingSet = { '.': {} }
  // Nulls alone: the mark would stand for nothing.
  let isMarked = false
  for (const name of inOrder(Object.keys(object))) {
    const inner = schemaOfField(schema, name)
    const field = object[name]
    if (field === undefined || (field === null && inner.nullable !== true)) continue
    node[fieldElement(name)] = wholeNode(field, inner)
    isMarked = true
  }
  return isMarked ? node : {}
}

/** The nodes of new items. Undefined: there is none that can be named. */
export function itemNodes(items: readonly JsonValue[], schema: Schema): GrowingSet | undefined {
  if (schema.kind !== 'list') return undefined
  const groups = grouped(items, schema)
  if (groups.size === 0) return undefined
  const nodes: GrowingSet = {}
  for (const element of sortElements([...groups.keys()])) {
    const group = groups.get(element) ?? []
    nodes[element] = group.length > 1 ? {} : wholeNode(group[0], schema.items)
  }
  return nodes
}

function grouped(items: readonly JsonValue[], schema: ListSchema): Map<string, JsonValue[]> {
  const groups = new Map<string, JsonValue[]>()
  for (const [i, element] of itemElements(schema, items).entries()) {
    const item = items[i]
    if (element === undefined || item === undefined) continue
    const group = groups.get(element)
    if (group) group.push(item)
    else groups.set(element, [item])
  }
  return groups
}
