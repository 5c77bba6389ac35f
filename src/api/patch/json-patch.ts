/**
 * JSON patch (RFC 6902), `application/json-patch+json`: a list of operations that all succeed or none does.
 * The document is never changed: the containers on the way to a change are copied once for each patch, everything
 * else is shared. A patch that changes nothing returns the document itself.
 *
 * One difference from the RFC, upstream's: `test` for `null` passes where there is no such member, which is how
 * clients ask for an absent annotation.
 */
import { isEqual } from '../equal.ts'
import { defineField, fieldOf, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { quote } from '../quote.ts'
import { badRequest, failure, type StatusError } from '../status.ts'
import { parseIndex, parsePointer } from './json-pointer.ts'
import { assertNesting } from './limits.ts'

export const jsonPatchOperationsMax = 10_000 // upstream's
export const jsonPatchCopyBytesMax = 3 * 1024 * 1024 // a request's size: repeated `copy` would grow without end
/** List items that get another place because one comes or goes before them: some 0.1 s, where a hostile patch would take half a minute. */
export const jsonPatchShiftsMax = 50_000_000

/** Throws BadRequest for what is no patch, RequestEntityTooLarge above the limit, Invalid when an operation fails. */
export const applyJsonPatch = (document: JsonValue, patch: JsonValue): JsonValue => {
  if (!isJsonArray(patch) || !patch.every(isJsonObject)) {
    throw badRequest('a JSON patch is a list of operations: [{"op": "replace", "path": "/…", "value": …}]')
  }
  if (patch.length > jsonPatchOperationsMax) throw tooManyOperations(patch.length)
  assertNesting(patch, 'the patch')
  const draft = new Draft(document)
  for (const operation of patch) applyOperation(draft, operation)
  const result = draft.root
  if (isEqual(document, result)) return document
  assertNesting(result, 'the patched object')
  return result
}

const applyOperation = (draft: Draft, operation: JsonObject): void => {
  const path = pointerOf(operation, 'path')
  const op = operation['op']
  switch (typeof op === 'string' ? op : '') {
    case 'add':
      return draft.add(path, valueOf(operation))
    case 'remove':
      draft.remove(path)
      return
    case 'replace':
      return draft.replace(path, valueOf(operation))
    case 'test':
      return testValue(draft, path, operation)
    case 'copy':
      return draft.add(path, draft.clone(draft.get(pointerOf(operation, 'from'))))
    case 'move': {
      const from = pointerOf(operation, 'from')
      if (path.text.startsWith(`${from.text}/`)) {
        throw refused(`${quote(from.text)} can't be moved into itself, to ${quote(path.text)}`)
      }
      if (path.text === from.text) draft.get(from)
      else draft.add(path, draft.remove(from))
      return
    }
    default:
      throw refused(`unknown operation ${describe(op)}; use add, remove, replace, move, copy or test`)
  }
}

const testValue = (draft: Draft, path: Pointer, operation: JsonObject): void => {
  const expected = valueOf(operation)
  const actual = expected === null ? (draft.find(path) ?? null) : draft.get(path)
  if (!isEqual(actual, expected)) throw refused(`testing value ${path.text} failed: test failed`)
}

interface Pointer {
  readonly text: string
  readonly steps: readonly string[]
}

type Container = Record<string, JsonValue> | JsonValue[]

/** The document under change. `#owned` holds the containers that this patch has copied and may write to. */
class Draft {
  root: JsonValue
  readonly #owned = new WeakSet<object>()
  #copiedBytes = 0
  #shifts = 0

  constructor(document: JsonValue) {
    this.root = document
  }

  find({ steps }: Pointer): JsonValue | undefined {
    let value: JsonValue | undefined = this.root
    for (const step of steps) value = memberOf(value, step)
    return value
  }

  get(path: Pointer): JsonValue {
    const value = this.find(path)
    if (value === undefined) throw missing(path)
    return value
  }

  add(path: Pointer, value: JsonValue): void {
    const last = path.steps.at(-1)
    if (last === undefined) {
      this.root = value
      return
    }
    const parent = this.#writableParent(path)
    if (!Array.isArray(parent)) return defineField(parent, last, value)
    const index = last === '-' ? parent.length : parseIndex(last)
    if (index === undefined || index > parent.length) throw missing(path)
    this.#shift(parent.length - index)
    parent.splice(index, 0, value)
  }

  replace(path: Pointer, value: JsonValue): void {
    this.get(path)
    const last = path.steps.at(-1)
    if (last === undefined) this.root = value
    else setMember(this.#writableParent(path), last, value)
  }

  remove(path: Pointer): JsonValue {
    const value = this.get(path)
    const last = path.steps.at(-1)
    if (last === undefined) throw refused('the whole object can not be removed by a patch; delete it')
    const parent = this.#writableParent(path)
    if (Array.isArray(parent)) {
      this.#shift(parent.length - Number(last))
      parent.splice(Number(last), 1)
    } else delete parent[last]
    return value
  }

  /** A copy that shares nothing the draft may write to. */
  clone(value: JsonValue): JsonValue {
    this.#copiedBytes += 8 + (typeof value === 'string' ? value.length : 0)
    if (this.#copiedBytes > jsonPatchCopyBytesMax) {
      throw refused(`the copy operations add up to more than ${jsonPatchCopyBytesMax} bytes`)
    }
    if (isJsonArray(value)) return value.map((item) => this.clone(item))
    if (!isJsonObject(value)) return value
    const copy: Record<string, JsonValue> = {}
    for (const [name, field] of Object.entries(value)) {
      this.#copiedBytes += name.length
      defineField(copy, name, this.clone(field))
    }
    return copy
  }

  #shift(count: number): void {
    this.#shifts += count
    if (this.#shifts > jsonPatchShiftsMax) {
      throw refused('the operations move the items of long lists too often; replace the list instead')
    }
  }

  #writableParent(path: Pointer): Container {
    let container = this.#own(this.root, path)
    this.root = container
    for (const step of path.steps.slice(0, -1)) {
      const next = this.#own(memberOf(container, step), path)
      setMember(container, step, next)
      container = next
    }
    return container
  }

  #own(value: JsonValue | undefined, path: Pointer): Container {
    if (typeof value !== 'object' || value === null) throw missing(path)
    if (this.#owned.has(value)) return value as Container
    const copy: Container = isJsonArray(value) ? [...value] : { ...(value as JsonObject) }
    this.#owned.add(copy)
    return copy
  }
}

const memberOf = (container: JsonValue | undefined, step: string): JsonValue | undefined => {
  if (isJsonArray(container)) return container[parseIndex(step) ?? -1]
  return isJsonObject(container) ? fieldOf(container, step) : undefined
}

const setMember = (container: Container, step: string, value: JsonValue): void => {
  if (Array.isArray(container)) container[Number(step)] = value
  else defineField(container, step, value)
}

const pointerOf = (operation: JsonObject, name: 'path' | 'from'): Pointer => {
  const text = fieldOf(operation, name)
  const steps = typeof text === 'string' ? parsePointer(text) : undefined
  if (typeof text !== 'string' || steps === undefined) {
    throw refused(
      `${describe(operation['op'])} needs a JSON pointer as its ${quote(name)}, such as "/spec/replicas"`,
    )
  }
  return { text, steps }
}

const valueOf = (operation: JsonObject): JsonValue => {
  const value = fieldOf(operation, 'value')
  if (value === undefined) throw refused(`${describe(operation['op'])} needs a "value"`)
  return value
}

const describe = (op: JsonValue | undefined): string =>
  typeof op === 'string' ? quote(op.slice(0, 40)) : '"op"'

const missing = (path: Pointer): StatusError =>
  refused(`doc is missing path: ${quote(path.text)}: missing value`)

/** Upstream answers with the first half only. */
const refused = (why: string): StatusError =>
  failure('Invalid', `the server rejected our request due to an error in our request: ${why}`, {})

const tooManyOperations = (count: number): StatusError =>
  failure(
    'RequestEntityTooLarge',
    `Request entity too large: The allowed maximum operations in a JSON patch is ${jsonPatchOperationsMax}, got ${count}`,
  )
