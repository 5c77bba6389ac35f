/**
 * What makes a schema structural, and usable (apiextensions-apiserver pkg/apiserver/schema/validation.go and
 * pkg/apis/apiextensions/validation).
 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { isJsonObject, type JsonValue } from '../json.ts'
import { at, child, keyed } from '../paths.ts'
import { decode } from '../schema/decode.ts'
import { valueChecker } from './check-value.ts'
import type { JsonSchema } from './json-schema.ts'
import { patternOf } from './pattern.ts'
import { schemaPropsType } from './type.ts'

type Level = keyof typeof typeMissing

const typeMissing = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
} as const

/** Its fields are made at first use. */
const schemaProps = schemaPropsType()

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** A schema that nests deeper is a mistake or an attack; the walk is recursive. */
const depthMax = 64

export const validateStructural = (schema: JsonSchema, path: string): readonly FieldError[] =>
  validateLevel(schema, path, 'root', 0)

function validateLevel(schema: JsonSchema, path: string, level: Level, depth: number): FieldError[] {
  if (depth > depthMax) return [fieldError.forbidden(path, `may not nest deeper than ${depthMax} levels`)]
  const inside = (inner: JsonSchema, where: string, at: Level) => validateLevel(inner, where, at, depth + 1)
  const { additionalProperties, items, properties = {} } = schema
  const errors = [...validateType(schema, path, level), ...validateKeywords(schema, path)]
  for (const [name, inner] of Object.entries(properties))
    errors.push(...inside(inner, keyed(`${path}.properties`, name), 'field'))
  if (items) errors.push(...inside(items, `${path}.items`, 'item'))
  if (isJsonObject(additionalProperties)) {
    const where = `${path}.additionalProperties`
    // A schema or a boolean: the decoder has let it pass as it is.
    const { errors: mistakes } = decode(additionalProperties, schemaProps, { unknown: 'drop' })
    const [first] = mistakes
    if (first !== undefined) errors.push(fieldError.invalid(where, additionalProperties, first))
    else errors.push(...inside(additionalProperties as JsonSchema, where, 'field'))
  } else if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean')
    errors.push(
      fieldError.invalid(
        `${path}.additionalProperties`,
        additionalProperties,
        'must be a schema or a boolean',
      ),
    )
  for (const [inner, where] of combined(schema, path)) errors.push(...validateJunctor(inner, where, depth))
  if (errors.length === 0 && schema.default !== undefined) errors.push(...validateDefault(schema, path))
  return errors
}

function validateType(schema: JsonSchema, path: string, level: Level): FieldError[] {
  const { type = '' } = schema
  const field = child(path, 'type')
  if (schema['x-kubernetes-embedded-resource'] === true && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true'
    return [type === '' ? fieldError.required(field, why) : fieldError.invalid(field, type, why)]
  }
  const isFree =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (type === '') return isFree && level !== 'root' ? [] : [fieldError.required(field, typeMissing[level])]
  if (!types.includes(type)) return [fieldError.notSupported(field, type, types)]
  if (schema['x-kubernetes-int-or-string'] === true)
    return [fieldError.invalid(field, type, 'must be empty if x-kubernetes-int-or-string is true')]
  return level === 'root' && type !== 'object'
    ? [fieldError.invalid(field, type, 'must be object at the root')]
    : []
}

const unsupported = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems', 'id']

function validateKeywords(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = []
  const { additionalProperties, items, pattern, properties, type, uniqueItems } = schema
  const forbid = (name: string, why: string) => errors.push(fieldError.forbidden(child(path, name), why))
  for (const name of unsupported) if (Object.hasOwn(schema, name)) forbid(name, `${name} is not supported`)
  if (uniqueItems === true)
    forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')
  if (additionalProperties === false)
    forbid('additionalProperties', 'additionalProperties cannot be set to false')
  if (isJsonObject(additionalProperties) && Object.keys(properties ?? {}).length > 0)
    forbid('additionalProperties', 'additionalProperties and properties are mutual exclusive')
  if (type === 'array' && !items) errors.push(fieldError.required(child(path, 'items'), 'must be specified'))
  if (pattern !== undefined) {
    try {
      patternOf(pattern)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const text = `must be a valid regular expression, but isn't: ${why}`
      errors.push(fieldError.invalid(child(path, 'pattern'), pattern, text))
    }
  }
  return [...errors, ...validateListType(schema, path)]
}

const listTypes = ['atomic', 'map', 'set']

function validateListType(schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const mapType = schema['x-kubernetes-map-type']
  const errors: FieldError[] = []
  const [typeField, keysField] = [
    child(path, 'x-kubernetes-list-type'),
    child(path, 'x-kubernetes-list-map-keys'),
  ]
  if (listType !== undefined && !listTypes.includes(listType))
    errors.push(fieldError.notSupported(typeField, listType, listTypes))
  if (listType !== undefined && schema.type !== 'array')
    errors.push(
      fieldError.invalid(
        child(path, 'type'),
        schema.type ?? '',
        'must be array if x-kubernetes-list-type is set',
      ),
    )
  if (listType === 'map' && keys.length === 0)
    errors.push(fieldError.required(keysField, 'must not be empty if x-kubernetes-list-type is map'))
  if (listType !== 'map' && keys.length > 0)
    errors.push(fieldError.forbidden(keysField, 'may only be set if x-kubernetes-list-type is map'))
  const item = schema.items
  for (const [index, key] of listType === 'map' ? keys.entries() : []) {
    const known = item?.properties?.[key]
    const isGiven = item?.required?.includes(key) === true || known?.default !== undefined
    if (!known)
      errors.push(
        fieldError.invalid(at(keysField, index), key, 'entries must all be names of item properties'),
      )
    else if (!isGiven) {
      const why =
        'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
      errors.push(fieldError.required(`${path}.items.properties[${key}].default`, why))
    }
  }
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular')
    errors.push(
      fieldError.notSupported(child(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']),
    )
  return errors
}

function* combined(schema: JsonSchema, path: string): Generator<readonly [JsonSchema, string]> {
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, inner] of (schema[name] ?? []).entries()) yield [inner, at(child(path, name), index)]
  if (schema.not) yield [schema.not, child(path, 'not')]
}

/** Below a junctor values are judged; their shape is said outside of it. */
function validateJunctor(schema: JsonSchema, path: string, depth: number): FieldError[] {
  if (depth > depthMax) return [fieldError.forbidden(path, `may not nest deeper than ${depthMax} levels`)]
  const errors: FieldError[] = []
  for (const name of [
    'additionalProperties',
    'default',
    'description',
    'nullable',
    'title',
    'type',
  ] as const) {
    const isChoice = name === 'type' && isIntOrStringChoice(schema)
    if (schema[name] !== undefined && !isChoice)
      errors.push(fieldError.forbidden(child(path, name), 'must be empty to be structural'))
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    errors.push(...validateJunctor(inner, keyed(`${path}.properties`, name), depth + 1))
  if (schema.items) errors.push(...validateJunctor(schema.items, `${path}.items`, depth + 1))
  for (const [inner, where] of combined(schema, path))
    errors.push(...validateJunctor(inner, where, depth + 1))
  return errors
}

/** `anyOf: [{type: integer}, {type: string}]` is how an int-or-string is spelt. */
const isIntOrStringChoice = (schema: JsonSchema): boolean =>
  (schema.type === 'integer' || schema.type === 'string') && Object.keys(schema).length === 1

function validateDefault(schema: JsonSchema, path: string): readonly FieldError[] {
  const { default: _, ...rest } = schema
  return valueChecker(rest)(schema.default as JsonValue, child(path, 'default'))
}
