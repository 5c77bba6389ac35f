/**
 * Lists in a strategic merge. Objects are the same item when their merge keys are identical (`80` and `"80"` are not);
 * scalars when they are. The order of the result: the patch's items in the patch's order, items only the server has
 * where they stood relative to them.
 */
import { isEqual } from '../equal.ts'
import { fieldOf, isJsonArray, isJsonObject, jsonTypeOf, type JsonObject, type JsonValue } from '../json.ts'
import { badRequest } from '../status.ts'
import { directive, goText, noMergeKey, plainObject, unknownDirective } from './strategic-directives.ts'

export interface ListMerge {
  /** For messages. */
  readonly path: string
  readonly mergeKey: string | undefined
  readonly mergeItems: (old: JsonObject, patch: JsonObject) => JsonObject
}

type List = readonly JsonValue[]

export const mergeList = (original: List, patch: List, merge: ListMerge): List => {
  if (patch.length === 0) return original
  const isObjects = itemTypeOf([original, patch], merge.path) === 'object'
  if (!isObjects) {
    const merged = [...new Set([...original, ...patch])]
    return arrange(original, { items: merged, patchOrder: patch, serverOrder: original }, identity)
  }
  const keyOf = keyReader(merge)
  const { kept, items, isReplace } = obeyDirectives(
    original as readonly JsonObject[],
    patch as readonly JsonObject[],
    keyOf,
  )
  if (isReplace) return preferOriginal(original, items.map(plainObject))
  const merged = mergeItems(kept, items, { ...merge, keyOf })
  return arrange(original, { items: merged, patchOrder: items, serverOrder: kept }, keyOf)
}

export const deleteFromList = (original: List, values: List): List => {
  if (values.some((value) => typeof value === 'object')) {
    throw badRequest('invalid patch format of primitive list')
  }
  const doomed = new Set(values)
  const kept = original.filter((value) => !doomed.has(value))
  return kept.length === original.length ? original : kept
}

/** A list for which `$setElementOrder` was given; undefined when there is no such list on either side. */
export const orderList = (
  lists: { readonly original: List | undefined; readonly patch: List | undefined; readonly order: List },
  merge: ListMerge,
  mergeValue: (original: JsonValue | undefined, patch: JsonValue) => JsonValue | undefined,
): List | undefined => {
  const { original, patch, order } = lists
  if (original === undefined && patch === undefined) return undefined
  const isObjects = itemTypeOf([original ?? [], patch ?? [], order], merge.path) === 'object'
  const keyOf = isObjects ? keyReader(merge) : identity
  if (patch !== undefined) assertOrder(patch, order, keyOf)
  const merged = patch === undefined ? original : mergeValue(original, patch)
  if (!isJsonArray(merged)) return undefined
  return arrange(original ?? [], { items: merged, patchOrder: order, serverOrder: original ?? [] }, keyOf)
}

type KeyOf = (item: JsonValue) => JsonValue

const identity: KeyOf = (item) => item

/** Throws for an item without its key: two such items could be the same one. */
const keyReader = ({ mergeKey, path }: ListMerge): KeyOf => {
  if (mergeKey === undefined || mergeKey === '') {
    throw badRequest(`cannot merge lists without merge key for ${path}`)
  }
  return (item) => {
    const key = isJsonObject(item) ? fieldOf(item, mergeKey) : undefined
    if (key === undefined || typeof key === 'object') {
      throw noMergeKey(isJsonObject(item) ? item : {}, { mergeKey, path })
    }
    return key
  }
}

/** Takes the items with `$patch` out of the patch and does what they say. */
const obeyDirectives = (original: readonly JsonObject[], patch: readonly JsonObject[], keyOf: KeyOf) => {
  const items: JsonObject[] = []
  const deleted = new Set<JsonValue>()
  let isReplace = false
  for (const item of patch) {
    const order = fieldOf(item, directive)
    if (order === undefined) items.push(item)
    else if (order === 'delete') deleted.add(keyOf(item))
    else if (order === 'replace') isReplace = true
    else if (order === 'merge') throw badRequest('merging lists cannot yet be specified in the patch')
    else throw unknownDirective(order, item)
  }
  const kept = deleted.size === 0 ? original : original.filter((item) => !deleted.has(keyOf(item)))
  return { kept, items, isReplace }
}

const mergeItems = (
  original: readonly JsonObject[],
  patch: readonly JsonObject[],
  { keyOf, mergeItems: merge }: ListMerge & { readonly keyOf: KeyOf },
): readonly JsonObject[] => {
  const merged = [...original]
  const positions = positionsOf(original, keyOf)
  for (const item of patch) {
    const key = keyOf(item)
    const position = positions.get(key)
    const old = position === undefined ? undefined : merged[position]
    if (position !== undefined && old !== undefined) merged[position] = merge(old, item)
    else {
      positions.set(key, merged.length)
      merged.push(plainObject(item))
    }
  }
  return merged
}

interface Arrangement {
  readonly items: List
  /** Items that occur here come in this order. */
  readonly patchOrder: List
  /** The others keep this one, also relative to those of the patch that occur here too. */
  readonly serverOrder: List
}

const arrange = (original: List, { items, patchOrder, serverOrder }: Arrangement, keyOf: KeyOf): List => {
  const inPatch = positionsOf(patchOrder, keyOf)
  const onServer = positionsOf(serverOrder, keyOf)
  // By identity first: a list may hold a key twice (port 53, TCP and UDP), and neither of the two shall move.
  const itself = positionsOf(serverOrder, identity)
  const placeOf = (item: JsonValue): number | undefined => itself.get(item) ?? onServer.get(keyOf(item))
  const rank = (item: JsonValue): number => inPatch.get(keyOf(item)) ?? 0
  const ordered = items.filter((item) => inPatch.has(keyOf(item))).sort((a, b) => rank(a) - rank(b))
  // Merging kept the server's items in their order, duplicates of a key included: they need no sorting.
  const others = items.filter((item) => !inPatch.has(keyOf(item)))

  const result: JsonValue[] = []
  let next = 0
  for (const item of ordered) {
    const place = onServer.get(keyOf(item))
    for (; place !== undefined && next < others.length; next++) {
      const other = others[next]
      if (other === undefined || (placeOf(other) ?? place) >= place) break
      result.push(other)
    }
    result.push(item)
  }
  return preferIdentical(original, [...result, ...others.slice(next)])
}

/** The patch's items, deletions aside, must occur in `order` in the same sequence. */
const assertOrder = (patch: List, order: List, keyOf: KeyOf): void => {
  const items = patch.filter((item) => !(isJsonObject(item) && fieldOf(item, directive) !== undefined))
  if (order.length === 0) return
  let at = 0
  for (const item of items) {
    const key = keyOf(item)
    while (at < order.length && keyOf(order[at] ?? null) !== key) at++
    if (at++ >= order.length) {
      throw badRequest(
        `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
      )
    }
  }
}

/** Lists of one kind of item only can be merged, and not lists of lists. */
const itemTypeOf = (lists: readonly List[], path: string): string | undefined => {
  let type: string | undefined
  for (const item of lists.flat()) {
    const next = jsonTypeOf(item)
    if (next === 'list') throw badRequest(`lists of lists are not supported (in ${path})`)
    if (next === 'null' || (type !== undefined && next !== type)) {
      throw badRequest(`list element types are not identical: ${goText(lists.flat())} (in ${path})`)
    }
    type = next
  }
  return type
}

const positionsOf = (items: List, keyOf: KeyOf): Map<JsonValue, number> => {
  const positions = new Map<JsonValue, number>()
  for (const [index, item] of items.entries()) {
    const key = keyOf(item)
    if (!positions.has(key)) positions.set(key, index)
  }
  return positions
}

const preferOriginal = (original: List, next: List): List => (isEqual(original, next) ? original : next)

const preferIdentical = (original: List, next: List): List =>
  original.length === next.length && original.every((item, index) => item === next[index]) ? original : next
