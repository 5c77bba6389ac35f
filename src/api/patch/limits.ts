/** Bounds of all patches. A patch is a stranger's program that runs inside the server. */
import { isJsonArray, isJsonObject, type JsonValue } from '../json.ts'
import { badRequest } from '../status.ts'

/** Deeper than any Kubernetes object; shallow enough that recursion and `JSON.stringify` never meet the stack's end. */
export const nestingMax = 500

/** Throws BadRequest for a value that nests deeper than `nestingMax`. */
export const assertNesting = (value: JsonValue, what: string): void => {
  if (isDeeperThan(value, nestingMax)) {
    throw badRequest(`${what} nests deeper than ${nestingMax} levels; flatten it`)
  }
}

const isDeeperThan = (value: JsonValue, levels: number): boolean => {
  if (isJsonArray(value)) return levels === 0 || value.some((item) => isDeeperThan(item, levels - 1))
  if (!isJsonObject(value)) return false
  return levels === 0 || Object.values(value).some((field) => isDeeperThan(field, levels - 1))
}
