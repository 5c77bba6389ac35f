/** Bounds of all patches. A patch is a stranger's program that runs inside the server. */
import { isJsonArray, isJsonObject, type JsonValue } from '../json.ts'
import { jsonDepthMax } from '../schema/json.ts'
import { badRequest } from '../status.ts'

/** A patched object must be readable again, so the bound of the parser holds for it too. */
export const assertNesting = (value: JsonValue, what: string): void => {
  if (isDeeperThan(value, jsonDepthMax)) {
    throw badRequest(`${what} nests deeper than ${jsonDepthMax} levels; flatten it`)
  }
}

const isDeeperThan = (value: JsonValue, levels: number): boolean => {
  if (isJsonArray(value)) return levels === 0 || value.some((item) => isDeeperThan(item, levels - 1))
  if (!isJsonObject(value)) return false
  return levels === 0 || Object.values(value).some((field) => isDeeperThan(field, levels - 1))
}
