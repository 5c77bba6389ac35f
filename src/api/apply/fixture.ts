/** Small schemas for tests, written as one reads them, and what a test wants to see of an object's owners. */
import type { FieldDef, ListSchema, MapSchema, ScalarSchema, Schema, TypeDef } from '../schema/schema.ts'
import type { JsonObject } from '../json.ts'
import { isJsonObject } from '../json.ts'
import { pathText } from './element.ts'
import { pathsOf, type FieldSet } from './field-set.ts'
import { managedFieldsOf } from './field-writer.ts'
import { decodeOwners } from './managed-entries.ts'

export const text: ScalarSchema = { kind: 'string' }
export const whole: ScalarSchema = { kind: 'int64' }
export const bool: ScalarSchema = { kind: 'bool' }
export const anything: ScalarSchema = { kind: 'any' }

export const withDefault = (schema: ScalarSchema, value: string): ScalarSchema => ({
  ...schema,
  default: value,
})

export const struct = (
  fields: Readonly<Record<string, Schema>>,
  options: { readonly atomic?: boolean; readonly preserveUnknown?: boolean } = {},
): TypeDef => ({
  kind: 'object',
  name: '',
  isKind: false,
  members: [],
  promised: [],
  preserveUnknown: options.preserveUnknown ?? false,
  atomic: options.atomic ?? false,
  fields: new Map(Object.entries(fields).map(([name, schema]) => [name, field(name, schema)])),
})

const field = (name: string, schema: Schema): FieldDef => ({
  name,
  schema,
  required: false,
  number: 0,
  pointer: false,
  promised: false,
  patchStrategy: [],
})

export const map = (values: Schema, atomic = false): MapSchema => ({ kind: 'map', values, atomic })

const list = (items: Schema, listType: ListSchema['listType'], keys: readonly string[] = []): ListSchema => ({
  kind: 'list',
  items,
  listType,
  keys,
  boxed: false,
})
export const set = (items: Schema): ListSchema => list(items, 'set')
export const atomicList = (items: Schema): ListSchema => list(items, 'atomic')
export const keyed = (items: Schema, ...keys: readonly string[]): ListSchema => list(items, 'map', keys)

/** One of everything, as a custom resource might have it. */
export const widgetSchema: TypeDef = struct({
  apiVersion: text,
  kind: text,
  metadata: struct({
    name: text,
    namespace: text,
    labels: map(text),
    annotations: map(text),
    finalizers: set(text),
    managedFields: atomicList(anything),
    resourceVersion: text,
    generation: whole,
  }),
  name: text,
  count: whole,
  isOn: bool,
  tags: set(text),
  numbers: set(whole),
  whole: atomicList(text),
  labels: map(text),
  frozen: map(text, true),
  atom: struct({ x: text, y: text }, { atomic: true }),
  inner: struct({ x: text, deeper: struct({ y: text, z: text }) }),
  items: keyed(struct({ key: text, a: text, b: whole, sub: struct({ x: text }), tags: set(text) }), 'key'),
  ports: keyed(struct({ port: whole, protocol: withDefault(text, 'TCP'), name: text }), 'port', 'protocol'),
  free: anything,
  loose: struct({ known: text }, { preserveUnknown: true }),
})

export const pathsIn = (fields: FieldSet): readonly string[] => Array.from(pathsOf(fields), pathText)

/** `manager operation[/subresource]` → its paths in order. */
export const ownersOf = (object: JsonObject): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    decodeOwners(managedFieldsOf(object) ?? []).map(({ manager, operation, subresource, fields }) => [
      `${manager} ${operation}${subresource === '' ? '' : `/${subresource}`}`,
      pathsIn(fields),
    ]),
  )

/** Without the head that every object has, without nulls and what holds nothing: what a store would keep of it. */
export function bodyOf({ apiVersion: _, kind: _kind, metadata, ...body }: JsonObject): JsonObject {
  const { managedFields: _fields, ...kept } = isJsonObject(metadata) ? metadata : {}
  const full = { ...body, ...(Object.keys(kept).length > 0 && { metadata: kept }) }
  return JSON.parse(
    JSON.stringify(full, (_key, value: unknown) => (value === null ? undefined : value)),
  ) as JsonObject
}
