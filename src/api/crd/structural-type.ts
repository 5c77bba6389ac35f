/**
 * A structural schema as the `TypeDef` that decodes, prunes, merges and documents its objects. Wrong types pass the decoder
 * (`lax`): `check-value.ts` finds them, and everything else that a schema forbids, in the words of JSON schema.
 */
import type { JsonObject } from '../json.ts'
import { typeNamed, type FieldDef, type Schema, type SchemaBase, type TypeDef } from '../schema/schema.ts'
import type { JsonSchema } from './json-schema.ts'
import { anything, field, listOf, objectOf, text } from './type-builder.ts'

/** `name` is what OpenAPI publishes it by: `com.example.v1.Widget`. */
export const structuralKind = (schema: JsonSchema, name: string): TypeDef =>
  objectOf(() => [...typeMeta(), ...ownFields(schema)], {
    ...baseOf(schema),
    name,
    isKind: true,
    preserveUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
  })

const typeMeta = (): FieldDef[] => [
  field('apiVersion', text),
  field('kind', text),
  field('metadata', typeNamed('meta.v1.ObjectMeta')),
]

const typeMetaNames = ['apiVersion', 'kind', 'metadata']

/** What every object has is typed by Kubernetes, whatever the schema says of it. */
const ownFields = ({ properties = {}, required = [] }: JsonSchema): FieldDef[] =>
  Object.entries(properties)
    .filter(([name]) => !typeMetaNames.includes(name))
    .map(([name, schema]) => field(name, structuralType(schema), required.includes(name)))

const structuralType = (schema: JsonSchema): Schema => {
  const base = baseOf(schema)
  if (schema['x-kubernetes-int-or-string'] === true) return { ...base, kind: 'intOrString' }
  switch (schema.type ?? '') {
    case 'object':
      return objectType(schema, base)
    case 'array':
      return listOf(schema.items ? structuralType(schema.items) : anything, {
        ...base,
        listType: listTypeOf(schema['x-kubernetes-list-type']),
        keys: schema['x-kubernetes-list-map-keys'] ?? [],
      })
    case 'boolean':
      return { ...base, kind: 'bool' }
    case 'integer':
      return { ...base, kind: schema.format === 'int32' ? 'int32' : 'int64' }
    case 'number':
      return { ...base, kind: 'double' }
    case 'string':
      return { ...base, kind: 'string' }
    default:
      return { ...base, kind: 'any' }
  }
}

const objectType = (schema: JsonSchema, base: SchemaBase): Schema => {
  const { additionalProperties } = schema
  const atomic = schema['x-kubernetes-map-type'] === 'atomic'
  if (additionalProperties !== undefined && additionalProperties !== false) {
    const values = additionalProperties === true ? anything : structuralType(additionalProperties)
    return { ...base, kind: 'map', values, atomic }
  }
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true
  const preserveUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true
  const fields = () =>
    isEmbedded
      ? [...typeMeta(), ...ownFields(schema)]
      : Object.entries(schema.properties ?? {}).map(([name, inner]) =>
          field(name, structuralType(inner), schema.required?.includes(name) === true),
        )
  return objectOf(fields, { ...base, preserveUnknown, atomic })
}

const listTypeOf = (word: string | undefined): 'atomic' | 'set' | 'map' =>
  word === 'set' || word === 'map' ? word : 'atomic'

const baseOf = (schema: JsonSchema): SchemaBase => {
  const constraints: Record<string, JsonObject[string]> = {}
  const given = schema as unknown as JsonObject
  for (const keyword of documented) {
    const value = given[keyword]
    if (value !== undefined) constraints[keyword] = value
  }
  return {
    lax: true,
    ...(schema.default !== undefined && { default: schema.default }),
    ...(schema.enum && { enum: schema.enum }),
    ...(schema.nullable === true && { nullable: true }),
    ...(schema.description !== undefined && { description: schema.description }),
    ...(Object.keys(constraints).length > 0 && { constraints }),
  }
}

/** Keywords that OpenAPI shows as they are; the others are in the shape of the type. */
const documented = [
  'title',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-validations',
]
