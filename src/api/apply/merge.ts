/**
 * A configuration laid over the live object. What it doesn't speak of stays; fields it gives win; items of associative
 * lists are found by their keys. The result shares structure with both, and changes neither.
 */
import { defineField, type JsonObject, type JsonValue } from '../json.ts'
import type { ListSchema, Schema } from '../schema/schema.ts'
import {
  fieldsIn,
  isBare,
  isWhole,
  itemElements,
  itemsIn,
  schemaOfField,
  shapeOf,
  type Value,
} from './shape.ts'

export const merge = (live: JsonObject, applied: JsonObject, schema: Schema): JsonObject =>
  fieldsIn(mergeValue(live, applied, schema))

function mergeValue(live: Value, applied: Value, schema: Schema): Value {
  if (applied === undefined) return live
  if (live === undefined || live === applied || isWhole(schema)) return applied
  if (isBare(live) && isBare(applied)) return applied
  const [before, after] = [shapeOf(schema, live), shapeOf(schema, applied)]
  if (before !== undefined && after !== undefined && before !== after) return applied
  const shape = after ?? before ?? 'whole'
  if (shape === 'fields') return mergeFields(fieldsIn(live), fieldsIn(applied), schema)
  if (shape === 'items' && schema.kind === 'list') return mergeItems(itemsIn(live), itemsIn(applied), schema)
  return applied
}

function mergeFields(live: JsonObject, applied: JsonObject, schema: Schema): JsonObject {
  const merged: Record<string, JsonValue> = { ...live }
  for (const name in applied) {
    const mine = Object.hasOwn(live, name) ? live[name] : undefined
    const value = mergeValue(mine, applied[name], schemaOfField(schema, name))
    if (value !== undefined) defineField(merged, name, value)
  }
  return merged
}

/**
 * The order: items of the configuration in its order; those that only the live list has stay before whatever followed
 * them there. Both lists are walked at once; `awaited` is the next item of both in the configuration's order.
 */
function mergeItems(
  live: readonly JsonValue[],
  applied: readonly JsonValue[],
  schema: ListSchema,
): JsonValue[] {
  const left = itemElements(schema, live)
  const right = itemElements(schema, applied)
  const inLive = indexed(left)
  const inApplied = indexed(right)
  const shared = right.filter((element) => element !== undefined && inLive.has(element))
  let awaited = 0
  const taken = new Set<string | undefined>()
  const merged: JsonValue[] = []
  const take = (at: number) => {
    const element = right[at]
    const twin = element === undefined ? undefined : inLive.get(element)
    // Live items under one step can't be told apart: the configuration replaces them all.
    const mine = twin === undefined || twin === 'many' ? undefined : live[twin]
    const value = mergeValue(mine, applied[at], schema.items)
    if (value !== undefined) merged.push(value)
    taken.add(element)
    if (awaited < shared.length && shared[awaited] === element) awaited++
  }
  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    const element = left[l]
    if (l < left.length) {
      if (element === undefined || !inApplied.has(element)) {
        const item = live[l++]
        if (item !== undefined) merged.push(item)
        continue
      }
      const isMet = r < right.length && element === right[r]
      const isElsewhere = !isMet && awaited < shared.length && shared[awaited] !== element
      if (isMet || isElsewhere || taken.has(element)) l++
      // It will come at the place where the configuration has it.
      if (isElsewhere && r < right.length) continue
    }
    if (r < right.length) take(r++)
  }
  return merged
}

function indexed(elements: readonly (string | undefined)[]): Map<string, number | 'many'> {
  const places = new Map<string, number | 'many'>()
  for (const [i, element] of elements.entries())
    if (element !== undefined) places.set(element, places.has(element) ? 'many' : i)
  return places
}
