/** Names of values and types as Go's decoder prints them: its messages are part of the API. */
import type { Schema } from './schema.ts'

/** How encoding/json names a value: a number comes with its text where it does not fit an integer. */
export const goKindOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return `number ${value}`
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'object'
}

/** `[]v1.Container`, `map[string]string`, `v1.PullPolicy`, `int32`. */
export const goTypeOf = (schema: Schema): string => {
  if (schema.kind === 'object')
    return schema.name === '' ? 'struct {}' : schema.name.split('.').slice(-2).join('.')
  if (schema.kind === 'map') return schema.goName ?? `map[string]${goTypeOf(schema.values)}`
  if (schema.kind === 'list') return schema.goName ?? `[]${goTypeOf(schema.items)}`
  return schema.goName ?? goNames[schema.kind] ?? schema.kind
}

const goNames: Readonly<Record<string, string>> = {
  double: 'float64',
  any: 'interface {}',
  bytes: '[]uint8',
  quantity: 'resource.Quantity',
  intOrString: 'intstr.IntOrString',
  time: 'v1.Time',
  microTime: 'v1.MicroTime',
  raw: 'runtime.RawExtension',
  fields: 'v1.FieldsV1',
}
