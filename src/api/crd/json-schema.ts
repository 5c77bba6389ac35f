/** JSONSchemaProps: the part of JSON schema, and the extensions, that a structural schema is made of. */
import { isJsonObject, type JsonValue } from '../json.ts'

export interface JsonSchema {
  readonly type?: string
  readonly format?: string
  readonly title?: string
  readonly description?: string
  readonly default?: JsonValue
  readonly nullable?: boolean
  readonly enum?: readonly JsonValue[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: boolean
  readonly exclusiveMaximum?: boolean
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly allOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly not?: JsonSchema
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: string
  readonly 'x-kubernetes-validations'?: readonly unknown[]
}

/** The schema of the field of an object, if the schema says anything about it. */
export const fieldSchema = (schema: JsonSchema, name: string): JsonSchema | undefined => {
  const { additionalProperties, properties } = schema
  if (properties && Object.hasOwn(properties, name)) return properties[name]
  return isJsonObject(additionalProperties) ? (additionalProperties as JsonSchema) : undefined
}

/** Every schema directly inside of one. */
export function* innerSchemas(schema: JsonSchema): Generator<JsonSchema> {
  yield* Object.values(schema.properties ?? {})
  if (isJsonObject(schema.additionalProperties)) yield schema.additionalProperties as JsonSchema
  if (schema.items) yield schema.items
  yield* schema.allOf ?? []
  yield* schema.anyOf ?? []
  yield* schema.oneOf ?? []
  if (schema.not) yield schema.not
}

/** Whether `isMeant` says yes of the schema or of any below it. */
export const someSchema = (
  schema: JsonSchema | undefined,
  isMeant: (schema: JsonSchema) => boolean,
): boolean =>
  schema !== undefined &&
  (isMeant(schema) || innerSchemas(schema).some((inner) => someSchema(inner, isMeant)))
