/** `TypeDef`s made at run time, of fields that are on no protobuf wire. */
import type { FieldDef, ListSchema, ScalarSchema, Schema, SchemaBase, TypeDef } from '../schema/schema.ts'

export const field = (name: string, schema: Schema, required = false): FieldDef => ({
  name,
  schema,
  required,
  number: 0,
  pointer: true,
  promised: false,
  patchStrategy: [],
})

type Marks = SchemaBase & Partial<Pick<TypeDef, 'name' | 'isKind' | 'preserveUnknown' | 'atomic'>>

/** The fields may be given late: a type may hold itself. */
export const objectOf = (fields: () => readonly FieldDef[], marks: Marks = {}): TypeDef => {
  let known: ReadonlyMap<string, FieldDef> | undefined
  return {
    name: '',
    isKind: false,
    preserveUnknown: false,
    atomic: false,
    ...marks,
    kind: 'object',
    members: [],
    promised: [],
    get fields() {
      known ??= new Map(fields().map((one) => [one.name, one]))
      return known
    },
  }
}

export const listOf = (items: Schema, more: Partial<ListSchema> = {}): ListSchema => ({
  listType: 'atomic',
  keys: [],
  boxed: false,
  ...more,
  kind: 'list',
  items,
})

export const text: ScalarSchema = { kind: 'string' }
export const flag: ScalarSchema = { kind: 'bool' }
export const int32: ScalarSchema = { kind: 'int32' }
export const int64: ScalarSchema = { kind: 'int64' }
export const double: ScalarSchema = { kind: 'double' }
export const anything: ScalarSchema = { kind: 'any' }
