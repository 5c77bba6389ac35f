import { isJsonObject } from '../json.ts'
import { decode } from '../schema/decode.ts'
import type { TypeDef } from '../schema/schema.ts'
import { innerSchemas, type JsonSchema } from './json-schema.ts'

/**
 * Decodes each schema in `additionalProperties` in its place. The decoder lets it pass as it is, for a boolean may stand
 * there too; a null within it would then meet code that expects a schema. One that can't be decoded stays: validation
 * refuses it. `schema` is the caller's to change, and decoded itself.
 */
export function decodeAdditional(schema: JsonSchema, schemaProps: TypeDef, levels = 64): void {
  const { additionalProperties } = schema
  if (levels === 0) return
  if (isJsonObject(additionalProperties)) {
    const { errors, object } = decode(additionalProperties, schemaProps, { unknown: 'drop' })
    if (errors.length > 0) return
    Object.assign(schema, { additionalProperties: object })
  }
  for (const inner of innerSchemas(schema)) decodeAdditional(inner, schemaProps, levels - 1)
}
