/**
 * Strategic merge patch, `application/strategic-merge-patch+json`: a merge patch that knows the type. Lists whose type
 * says so are merged item by item, and directives inside the patch say what a plain value can't:
 *
 *   $patch: delete | replace               beside an item's merge key: drop the item; in an object: empty it / take it
 *                                          as it is; in a list: the list is replaced by the patch's other items
 *   $retainKeys: [a, b]                    fields of the object that aren't named go
 *   $setElementOrder/f: […]                the order of list `f`, by merge key or by value
 *   $deleteFromPrimitiveList/f: […]        values to take out of list `f`
 *
 * Behaviour: apimachinery pkg/util/strategicpatch/patch.go eed236c, with the differences that every mistake of the
 * patch is BadRequest, and that directives never end up in the result. Start here; `strategic-list.ts` merges lists.
 * Nothing is changed in place, and a patch that changes nothing returns the original itself.
 */
import { isEqual } from '../equal.ts'
import { defineField, fieldOf, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { child as childPath } from '../paths.ts'
import { badRequest } from '../status.ts'
import { assertNesting } from './limits.ts'
import type { FieldMerge, MergeInfo } from './merge-info.ts'
import {
  deleteOrderPrefix,
  directive,
  isDirectiveKey,
  plainObject,
  retainKeys,
  setOrderPrefix,
  withoutDirectives,
  unknownDirective,
} from './strategic-directives.ts'
import { deleteFromList, mergeList, orderList, type ListMerge } from './strategic-list.ts'

/** Throws BadRequest for a patch that is malformed or contradicts itself. */
export const applyStrategicMergePatch = (
  original: JsonObject,
  patch: JsonValue,
  info: MergeInfo,
): JsonObject => {
  if (!isJsonObject(patch)) throw badRequest('invalid JSON document: a strategic merge patch is an object')
  assertNesting(patch, 'the patch')
  return mergeObjects(original, patch, { info, path: '' })
}

interface Place {
  readonly info: MergeInfo | undefined
  readonly path: string
}

type Result = Record<string, JsonValue>

/** `patch` has precedence; `$setElementOrder` and deletions are settled before plain fields. */
const mergeObjects = (original: JsonObject, patch: JsonObject, place: Place): JsonObject => {
  const order = fieldOf(patch, directive)
  if (order === 'delete') return Object.keys(original).length === 0 ? original : {}
  if (order === 'replace') return preferOriginal(original, plainObject(patch))
  if (order !== undefined) throw unknownDirective(order, patch)

  const result: Result = { ...original }
  retainOnly(result, patch)
  const settled = new Set<string>()
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(setOrderPrefix)) continue
    const name = key.slice(setOrderPrefix.length)
    mergeOrdered(result, { name, patch: fieldOf(patch, name), order: value }, place)
    settled.add(name)
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deleteOrderPrefix)) {
      deleteValues(result, key.slice(deleteOrderPrefix.length), value)
    } else if (!isDirectiveKey(key) && !settled.has(key)) {
      mergeField(result, { name: key, patch: value }, place)
    }
  }
  return isSame(original, result) ? original : result
}

const mergeField = (
  result: Result,
  { name, patch }: { readonly name: string; readonly patch: JsonValue },
  place: Place,
): void => {
  const old = fieldOf(result, name)
  if (patch === null) {
    delete result[name]
    return
  }
  const merge = place.info?.field(name)
  const next = mergeValue(old, patch, { merge, path: childPath(place.path, name) })
  if (next === undefined) delete result[name]
  else defineField(result, name, next)
}

interface FieldPlace {
  readonly merge: FieldMerge | undefined
  readonly path: string
}

/** Undefined when the patch is nothing but a directive: the field goes. */
const mergeValue = (
  old: JsonValue | undefined,
  patch: JsonValue,
  place: FieldPlace,
): JsonValue | undefined => {
  if (isJsonObject(old) && isJsonObject(patch)) {
    return strategyOf(place.merge) === 'replace'
      ? preferOriginal(old, plainObject(patch))
      : mergeObjects(old, patch, { info: place.merge?.child, path: place.path })
  }
  if (isJsonArray(old) && isJsonArray(patch) && strategyOf(place.merge) === 'merge') {
    return mergeList(old, patch, listMergeOf(place))
  }
  const next = withoutDirectives(patch, { keepSelf: false })
  return next === undefined ? undefined : preferOriginal(old, next)
}

/** A list with `$setElementOrder`: merged first, then put in the order that was asked for. */
const mergeOrdered = (
  result: Result,
  { name, patch, order }: { name: string; patch: JsonValue | undefined; order: JsonValue },
  place: Place,
): void => {
  const path = childPath(place.path, name)
  const field = { merge: place.info?.field(name), path }
  const old = fieldOf(result, name)
  if (!isJsonArray(order)) throw badRequest('invalid patch format of setElementOrder list')
  if (patch === null) {
    delete result[name]
    return
  }
  if ((old !== undefined && !isJsonArray(old)) || (patch !== undefined && !isJsonArray(patch))) {
    throw badRequest(`$setElementOrder/${name} needs a list in ${path}`)
  }
  const lists = { original: old, patch, order }
  const next = orderList(lists, listMergeOf(field), (from, to) => mergeValue(from, to, field))
  if (next !== undefined) defineField(result, name, next)
}

const deleteValues = (result: Result, name: string, values: JsonValue): void => {
  if (!isJsonArray(values)) throw badRequest('invalid patch format of primitive list')
  const old = fieldOf(result, name)
  if (isJsonArray(old)) defineField(result, name, deleteFromList(old, values))
}

/** Drops what `$retainKeys` doesn't name; a patch that sets such a field contradicts itself. */
const retainOnly = (result: Result, patch: JsonObject): void => {
  const names = fieldOf(patch, retainKeys)
  if (names === undefined) return
  if (!isJsonArray(names)) throw badRequest('invalid patch format of retainKeys')
  const retained = new Set(names)
  for (const [name, value] of Object.entries(patch)) {
    if (value !== null && !isDirectiveKey(name) && !retained.has(name)) {
      throw badRequest('invalid patch format of retainKeys')
    }
  }
  for (const name of Object.keys(result)) if (!retained.has(name)) delete result[name]
}

const listMergeOf = ({ merge, path }: FieldPlace): ListMerge => ({
  path,
  mergeKey: merge?.mergeKey,
  mergeItems: (old, patch) => mergeObjects(old, patch, { info: merge?.child, path }),
})

/** `retainKeys` is a hint for those who compute patches; what remains is how to apply one. */
const strategyOf = (merge: FieldMerge | undefined): string | undefined =>
  merge?.strategy?.find((strategy) => strategy !== 'retainKeys')

const preferOriginal = <T extends JsonValue>(original: JsonValue | undefined, next: T): T =>
  original !== undefined && isEqual(original, next) ? (original as T) : next

/** The same fields with identical values: merging left everything where it was. */
const isSame = (original: JsonObject, result: JsonObject): boolean => {
  const names = Object.keys(original)
  return (
    names.length === Object.keys(result).length &&
    names.every((name) => Object.hasOwn(result, name) && Object.is(original[name], result[name]))
  )
}
