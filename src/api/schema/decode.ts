/**
 * Makes of parsed JSON an object that a schema describes: unknown fields and nulls go, wrong types are errors in the
 * words of a kube-apiserver, times become canonical. The input is never changed; what needs no change is shared with
 * the output, so a well-formed object costs one walk and no copy.
 *
 * Not checked here: required fields, closed sets, the grammar of quantities. That is validation.
 */
import { defineField, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { base64ErrorAt } from './base64.ts'
import { goKindOf, goTypeOf } from './go-names.ts'
import type { FieldDef, ListSchema, MapSchema, ScalarSchema, Schema, TypeDef } from './schema.ts'
import { canonicalTime } from './time.ts'

/** Mistakes that are reported; upstream stops at the same number. */
export const mistakeCountMax = 100

export interface Decoded {
  /** Meaningful only without errors. Shares structure with the input: treat both as immutable or copy first. */
  readonly object: JsonValue | undefined
  /** `unknown field "spec.foo"`, in document order. Empty when not asked for. */
  readonly unknown: readonly string[]
  /** Wrong types: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`. */
  readonly errors: readonly string[]
}

export interface DecodeOptions {
  /** Unknown fields are dropped in either case; `collect` says which. */
  readonly unknown: 'collect' | 'drop'
  /**
   * Adds the zero value of every absent field that `FieldDef.promised` speaks of, as Go does. For objects that will be
   * stored; not for a server-side apply, where an added field would become owned.
   */
  readonly fill?: boolean
  /**
   * Drops optional lists and maps that are empty, as Go leaves them out of its JSON (`omitempty`): nobody sees `labels: {}`
   * after the last label is gone. For objects that will be stored, as `fill`.
   */
  readonly omitEmpty?: boolean
}

export const decode = (value: unknown, schema: Schema, options: DecodeOptions): Decoded => {
  const decoder = new Decoder(options)
  const object = decoder.value(value as JsonValue, schema)
  return { object, unknown: decoder.unknown, errors: decoder.errors }
}

class Decoder {
  readonly unknown: string[] = []
  readonly errors: string[] = []
  readonly #collect: boolean
  readonly #fill: boolean
  readonly #omitEmpty: boolean
  /** Where we are: field names, map keys and list indexes from the root. */
  readonly #path: (string | number)[] = []
  /** The same for Go's messages, which name fields only, and the struct that holds the last of them. */
  readonly #goPath: string[] = []
  #struct = ''

  constructor(options: DecodeOptions) {
    this.#collect = options.unknown === 'collect'
    this.#fill = options.fill === true
    this.#omitEmpty = options.omitEmpty === true
  }

  /** Undefined for what was refused. */
  value(value: JsonValue, schema: Schema): JsonValue | undefined {
    if (schema.kind === 'object')
      return isJsonObject(value) ? this.#object(value, schema) : this.#mismatch(value, schema)
    if (schema.kind === 'map')
      return isJsonObject(value) ? this.#map(value, schema) : this.#mismatch(value, schema)
    if (schema.kind === 'list')
      return isJsonArray(value) ? this.#list(value, schema) : this.#mismatch(value, schema)
    return this.#scalar(value, schema)
  }

  #object(object: JsonObject, type: TypeDef): JsonObject {
    const { fields } = type
    const struct = this.#struct
    let copy: Record<string, JsonValue> | undefined
    for (const name in object) {
      const before = object[name]
      if (before === undefined) continue
      const field = fields.get(name)
      let after: JsonValue | undefined = before
      if (field === undefined) {
        if (!type.preserveUnknown) {
          after = undefined
          this.#unknownField(name)
        }
      } else if (before === null) {
        if (isNullDropped(field.schema)) after = undefined
      } else {
        this.#struct = type.name
        after = this.#field(before, field)
        if (this.#omitEmpty && isOmitted(after, field)) after = undefined
      }
      if (after !== before || copy) {
        copy ??= copyUpTo(object, name)
        if (after !== undefined) defineField(copy, name, after)
      }
    }
    this.#struct = struct
    return this.#fill ? this.#filled(copy ?? object, type) : (copy ?? object)
  }

  #field(value: JsonValue, { name, schema }: FieldDef): JsonValue | undefined {
    // Most fields are plain strings: no need to note where we are.
    if (schema.kind === 'string' && typeof value === 'string') return value
    this.#path.push(name)
    this.#goPath.push(name)
    const result = this.value(value, schema)
    this.#path.pop()
    this.#goPath.pop()
    return result
  }

  #filled(object: JsonObject, type: TypeDef): JsonObject {
    let copy: Record<string, JsonValue> | undefined
    for (const { name, schema } of type.promised) {
      if (object[name] !== undefined) continue
      copy ??= { ...object }
      copy[name] = this.#zero(schema)
    }
    return copy ?? object
  }

  #map(object: JsonObject, schema: MapSchema): JsonObject {
    const { values } = schema
    let copy: Record<string, JsonValue> | undefined
    for (const key in object) {
      const before = object[key]
      if (before === undefined) continue
      let after: JsonValue | undefined = before
      if (values.kind !== 'string' || typeof before !== 'string') {
        this.#path.push(key)
        after = before === null ? this.#zero(values) : this.value(before, values)
        this.#path.pop()
      }
      if (after !== before || copy) {
        copy ??= copyUpTo(object, key)
        if (after !== undefined) defineField(copy, key, after)
      }
    }
    return copy ?? object
  }

  #list(list: readonly JsonValue[], schema: ListSchema): readonly JsonValue[] {
    const { items } = schema
    let copy: JsonValue[] | undefined
    for (const [i, before] of list.entries()) {
      this.#path.push(i)
      const after = before === null ? this.#zero(items) : this.value(before, items)
      this.#path.pop()
      if (after === before) continue
      copy ??= [...list]
      // A refused item leaves null behind; the error says that the list is not to be used.
      copy[i] = after ?? null
    }
    return copy ?? list
  }

  #zero(schema: Schema): JsonValue {
    const zero = zeroOf(schema)
    return this.#fill && schema.kind === 'object' && isJsonObject(zero) ? this.#filled(zero, schema) : zero
  }

  #scalar(value: JsonValue, schema: ScalarSchema): JsonValue | undefined {
    if (schema.lax === true) return value
    switch (schema.kind) {
      case 'string':
        return typeof value === 'string' ? value : this.#mismatch(value, schema)
      case 'bool':
        return typeof value === 'boolean' ? value : this.#mismatch(value, schema)
      case 'int32':
        return isIntBetween(value, -(2 ** 31), 2 ** 31 - 1) ? value : this.#mismatch(value, schema)
      case 'int64':
        // Beyond 2^53 a number has lost its last digits in JSON.parse already; no field of ours counts that far.
        return isIntBetween(value, -(2 ** 63), 2 ** 63 - 1) ? value : this.#mismatch(value, schema)
      case 'double':
        return typeof value === 'number' ? value : this.#mismatch(value, schema)
      case 'bytes':
        return typeof value === 'string' ? this.#bytes(value) : this.#mismatch(value, schema)
      case 'quantity':
        if (typeof value === 'string') return value
        return typeof value === 'number' ? String(value) : this.#fail(quantityProblem)
      case 'intOrString':
        if (typeof value === 'string' || isIntBetween(value, -(2 ** 31), 2 ** 31 - 1)) return value
        return this.#fail(`json: cannot unmarshal ${goKindOf(value)} into Go value of type int32`)
      case 'time':
      case 'microTime':
        return this.#time(value, schema.kind)
      case 'raw':
      case 'fields':
        return isJsonObject(value) ? value : this.#mismatch(value, schema)
      case 'any':
        return value
    }
  }

  #bytes(text: string): JsonValue | undefined {
    const at = base64ErrorAt(text)
    if (at >= 0) return this.#fail(`illegal base64 data at input byte ${at}`)
    return text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\r\n]/g, '') : text
  }

  /** Go decodes times with code of their own, which reports neither field nor type. */
  #time(value: JsonValue, layout: 'time' | 'microTime'): JsonValue | undefined {
    if (typeof value !== 'string')
      return this.#fail(
        `json: cannot unmarshal ${goKindOf(value).split(' ')[0]} into Go value of type string`,
      )
    const time = canonicalTime(value, layout)
    return 'error' in time ? this.#fail(time.error) : time.text
  }

  #unknownField(name: string): void {
    if (!this.#collect || this.unknown.length >= mistakeCountMax) return
    const message = `unknown field "${pathText([...this.#path, name])}"`
    if (!this.unknown.includes(message)) this.unknown.push(message)
  }

  #mismatch(value: JsonValue, schema: Schema): JsonValue | undefined {
    if (schema.lax === true) return value
    const isInt = schema.kind === 'int32' || schema.kind === 'int64'
    const kind = isInt ? goKindOf(value) : goKindOf(value).split(' ')[0]
    const path = this.#goPath.join('.')
    const struct = this.#struct.slice(this.#struct.lastIndexOf('.') + 1)
    const where = path === '' ? 'Go value' : `Go struct field ${struct}.${path}`
    return this.#fail(`json: cannot unmarshal ${kind} into ${where} of type ${goTypeOf(schema)}`)
  }

  #fail(message: string): undefined {
    if (this.errors.length < mistakeCountMax) this.errors.push(message)
    return undefined
  }
}

const quantityProblem =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

/** Required ones stay, and those of custom resources, which are not on the protobuf wire. */
const isOmitted = (
  value: JsonValue | undefined,
  { schema, number, required, pointer }: FieldDef,
): boolean => {
  if (number === 0 || required || pointer) return false
  if (schema.kind === 'list') return isJsonArray(value) && value.length === 0
  return schema.kind === 'map' && isJsonObject(value) && Object.keys(value).length === 0
}

/** One that validation will speak of stays, unless a default takes its place. */
const isNullDropped = ({ default: fallback, lax, nullable }: Schema): boolean =>
  nullable !== true && (lax !== true || fallback !== undefined)

const isIntBetween = (value: JsonValue, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max

/** What stands before `end`, which is the first key to differ. */
const copyUpTo = (object: JsonObject, end: string): Record<string, JsonValue> => {
  const copy: Record<string, JsonValue> = {}
  for (const key in object) {
    if (key === end) break
    const value = object[key]
    if (value !== undefined) defineField(copy, key, value)
  }
  return copy
}

/** What Go makes of a null inside a list or map, and of nothing where it needs a value: the type's zero value. */
const zeroOf = (schema: Schema): JsonValue => {
  if (schema.nullable === true || schema.lax === true) return null
  switch (schema.kind) {
    case 'object':
    case 'map':
    case 'raw':
    case 'fields':
      return {}
    case 'list':
      return []
    case 'string':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0
    case 'quantity':
      return '0'
    case 'time':
    case 'microTime':
    case 'any':
      return null
  }
}

const pathText = (path: readonly (string | number)[]): string => {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
