/** Fills in the defaults of a structural schema, as deep as the object goes. */
import { defineField, isJsonArray, isJsonObject, type JsonValue } from '../json.ts'
import { fieldSchema, type JsonSchema } from './json-schema.ts'

/** Changes `value` in place. A null where none is allowed counts as absent when there is a default for it. */
export function applySchemaDefaults(value: unknown, schema: JsonSchema): void {
  if (isJsonArray(value)) {
    const { items } = schema
    if (items) for (const item of value) applySchemaDefaults(item, items)
    return
  }
  if (!isJsonObject(value)) return
  const object = value as Record<string, JsonValue>
  for (const [name, { default: fallback, nullable }] of Object.entries(schema.properties ?? {})) {
    if (fallback === undefined) continue
    const present = Object.hasOwn(object, name) ? object[name] : undefined
    if (present === undefined || (present === null && nullable !== true))
      defineField(object, name, structuredClone(fallback))
  }
  for (const [name, inner] of Object.entries(object)) {
    const own = fieldSchema(schema, name)
    if (own) applySchemaDefaults(inner, own)
  }
}
