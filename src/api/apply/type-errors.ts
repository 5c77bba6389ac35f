/**
 * Whether a configuration is what its schema describes, in upstream's words. An applier is told of every mistake: here
 * an unknown field is one too, for a field that nobody knows can't be owned.
 */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { quote } from '../quote.ts'
import { mistakeCountMax } from '../schema/decode.ts'
import type { ListSchema, MapSchema, ScalarSchema, Schema, TypeDef } from '../schema/schema.ts'
import { elementText } from './element.ts'
import { itemStep } from './shape.ts'

/** Empty when all is well. */
export function typeErrors(object: JsonObject, schema: Schema): readonly string[] {
  const checker = new Checker()
  checker.value(object, schema)
  return checker.errors
}

export const typeErrorsText = (errors: readonly string[]): string =>
  errors.length === 1 ? (errors[0] ?? '') : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n')

class Checker {
  readonly errors: string[] = []
  /** Where we are, as text. */
  readonly #path: string[] = []

  value(value: JsonValue, schema: Schema): void {
    if (value === null || this.errors.length >= mistakeCountMax) return
    if (schema.kind === 'object') this.#object(value, schema)
    else if (schema.kind === 'map') this.#map(value, schema)
    else if (schema.kind === 'list') this.#list(value, schema)
    else this.#scalar(value, schema)
  }

  #object(value: JsonValue, type: TypeDef): void {
    if (!isJsonObject(value)) return this.#say(`expected map, got ${goPointer(value)}`)
    for (const name in value) {
      const field = type.fields.get(name)
      const inner = value[name]
      if (inner === undefined) continue
      this.#path.push(`.${name}`)
      if (field) this.value(inner, field.schema)
      else if (!type.preserveUnknown) this.#say('field not declared in schema')
      this.#path.pop()
    }
  }

  #map(value: JsonValue, { values }: MapSchema): void {
    if (!isJsonObject(value)) return this.#say(`expected map, got ${goPointer(value)}`)
    for (const name in value) {
      const inner = value[name]
      if (inner === undefined) continue
      this.#path.push(`.${name}`)
      this.value(inner, values)
      this.#path.pop()
    }
  }

  #list(value: JsonValue, schema: ListSchema): void {
    if (!isJsonArray(value)) return this.#say(`expected list, got ${goPointer(value)}`)
    const seen = new Set<string>()
    for (const [i, item] of value.entries()) {
      const step = schema.listType === 'atomic' ? { element: `i:${i}` } : itemStep(schema, item)
      if ('error' in step) return this.#say(`element ${i}: ${step.error}`)
      if (seen.has(step.element)) this.#say(`duplicate entries for key ${elementText(step.element)}`)
      seen.add(step.element)
      this.#path.push(elementText(step.element))
      this.value(item, schema.items)
      this.#path.pop()
    }
  }

  #scalar(value: JsonValue, { kind }: ScalarSchema): void {
    switch (kind) {
      case 'string':
      case 'bytes':
      case 'time':
      case 'microTime':
        if (typeof value !== 'string')
          this.#say(`expected string, got &value.valueUnstructured{Value:${goText(value)}}`)
        return
      case 'int32':
      case 'int64':
      case 'double':
        if (typeof value !== 'number') this.#say(`expected numeric (int or float), got ${goType(value)}`)
        return
      case 'bool':
        if (typeof value !== 'boolean') this.#say(`expected boolean, got ${goPointer(value)}`)
        return
      case 'quantity':
      case 'intOrString':
        if (typeof value === 'object') this.#say(`expected any scalar, got ${goPointer(value)}`)
        return
      case 'raw':
      case 'fields':
        if (!isJsonObject(value)) this.#say(`expected map, got ${goPointer(value)}`)
        return
      case 'any':
    }
  }

  #say(message: string): void {
    if (this.errors.length >= mistakeCountMax) return
    const path = this.#path.join('')
    this.errors.push(path === '' ? message : `${path}: ${message}`)
  }
}

/** How Go prints a wrapped value. Lists and objects are cut short: a message is no place for a document. */
const goPointer = (value: JsonValue): string => `&{${typeof value === 'string' ? value : goText(value)}}`

const goText = (value: JsonValue): string => {
  if (typeof value === 'string') return quote(value)
  if (isJsonArray(value)) return '[]interface {}{…}'
  return isJsonObject(value) ? 'map[string]interface {}{…}' : String(value)
}

const goType = (value: JsonValue): string => {
  if (isJsonArray(value)) return '[]interface {}'
  if (isJsonObject(value)) return 'map[string]interface {}'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
