/**
 * JSON merge patch (RFC 7386), `application/merge-patch+json`: objects merge, `null` deletes, everything else
 * replaces, lists as a whole. Nothing is changed in place: parts the patch doesn't touch are shared with the original,
 * and a patch that changes nothing returns the original itself.
 */
import { isEqual } from '../equal.ts'
import { defineField, fieldOf, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { badRequest } from '../status.ts'
import { assertNesting } from './limits.ts'

/** Throws BadRequest when the patch is no object. */
export const applyMergePatch = (original: JsonObject, patch: JsonValue): JsonObject => {
  if (!isJsonObject(patch)) throw badRequest('Invalid JSON Patch: a merge patch is an object')
  assertNesting(patch, 'the patch')
  return mergeObjects(original, patch)
}

/** The patch that turns `original` into `modified`; `{}` when they are equal. */
export const createMergePatch = (original: JsonObject, modified: JsonObject): JsonObject => {
  const patch: Record<string, JsonValue> = {}
  for (const name of Object.keys(original)) {
    if (fieldOf(modified, name) === undefined) defineField(patch, name, null)
  }
  for (const [name, value] of Object.entries(modified)) {
    const old = fieldOf(original, name)
    if (value === undefined || isEqual(old, value)) continue
    const isMerge = isJsonObject(old) && isJsonObject(value)
    defineField(patch, name, isMerge ? createMergePatch(old, value) : value)
  }
  return patch
}

const mergeObjects = (original: JsonObject, patch: JsonObject): JsonObject => {
  let merged: Record<string, JsonValue> | undefined
  for (const [name, value] of Object.entries(patch)) {
    const old = fieldOf(original, name)
    if (value === null) {
      if (old === undefined) continue
      merged ??= { ...original }
      delete merged[name]
      continue
    }
    const next = mergeValues(old, value)
    if (next === old) continue
    merged ??= { ...original }
    defineField(merged, name, next)
  }
  return merged ?? original
}

const mergeValues = (old: JsonValue | undefined, patch: JsonValue): JsonValue => {
  if (isJsonObject(patch)) {
    return isJsonObject(old) ? mergeObjects(old, patch) : mergeObjects({}, patch)
  }
  return old !== undefined && isEqual(old, patch) ? old : patch
}
