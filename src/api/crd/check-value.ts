/**
 * Whether a value is as its schema wants it, in the words of kube-openapi's validator as kube-apiserver prints them
 * (kube-openapi pkg/validation, apiextensions-apiserver pkg/apiserver/validation).
 */
import { isEqual } from '../equal.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { at, child } from '../paths.ts'
import { hasFormat } from './formats.ts'
import { fieldSchema, type JsonSchema } from './json-schema.ts'
import { matchedLengthMax, patternOf, type Pattern } from './pattern.ts'

/** `path` is where the value stands; empty for an object as a whole. */
export type CheckValue = (value: JsonValue, path: string) => readonly FieldError[]

/** Errors beyond these help nobody, and an object with a mistake in each of 10,000 items would make millions of them. */
const errorsMax = 100

/** Keeps the patterns it has compiled: make one for each schema, not for each value. */
export const valueChecker = (schema: JsonSchema): CheckValue => {
  const checker = new Checker()
  return (value, path) => checker.check(value, schema, path).slice(0, errorsMax)
}

class Checker {
  readonly #patterns = new Map<string, Pattern>()

  check(value: JsonValue, schema: JsonSchema, path: string): FieldError[] {
    if (value === null && schema.nullable === true) return []
    const errors = [...checkType(value, schema, path), ...checkEnum(value, schema, path)]
    if (value === null) return errors
    errors.push(...this.#combinations(value, schema, path))
    if (typeof value === 'string') errors.push(...this.#string(value, schema, path))
    if (typeof value === 'number') errors.push(...checkNumber(value, schema, path))
    if (isJsonArray(value)) errors.push(...this.#list(value, schema, path))
    if (isJsonObject(value)) errors.push(...this.#object(value, schema, path))
    return errors
  }

  #string(value: string, schema: JsonSchema, path: string): FieldError[] {
    const { format, maxLength, minLength, pattern } = schema
    const errors: FieldError[] = []
    const length = maxLength === undefined && minLength === undefined ? 0 : Array.from(value).length
    if (maxLength !== undefined && length > maxLength) errors.push(fieldError.tooLong(path, maxLength))
    if (minLength !== undefined && length < minLength)
      errors.push(wrong(path, value, `should be at least ${minLength} chars long`))
    if (pattern !== undefined && !this.#isMatch(value, pattern))
      errors.push(wrong(path, value, `should match '${pattern}'`))
    if (format !== undefined && !hasFormat(value, format))
      errors.push(typeMismatch(path, value, format, value))
    return errors
  }

  #isMatch(value: string, pattern: string): boolean {
    if (value.length > matchedLengthMax) return false
    const known = this.#patterns.get(pattern) ?? patternOf(pattern)
    this.#patterns.set(pattern, known)
    return known.test(value)
  }

  #list(list: readonly JsonValue[], schema: JsonSchema, path: string): FieldError[] {
    const { items, maxItems, minItems } = schema
    const errors: FieldError[] = []
    if (maxItems !== undefined && list.length > maxItems)
      // Looking into a list that is too long is what the bound is there against.
      return [fieldError.tooMany(path, list.length, maxItems)]
    if (minItems !== undefined && list.length < minItems)
      errors.push(wrong(path, list.length, `should have at least ${minItems} items`))
    for (const [index, item] of list.entries()) {
      if (errors.length >= errorsMax) break
      if (items) errors.push(...this.check(item, items, at(path, index)))
    }
    return [...errors, ...checkUnique(list, schema, path)]
  }

  #object(object: JsonObject, schema: JsonSchema, path: string): FieldError[] {
    const { maxProperties, minProperties, required = [] } = schema
    const names = Object.keys(object)
    const errors: FieldError[] = []
    if (maxProperties !== undefined && names.length > maxProperties)
      errors.push(fieldError.tooMany(path, names.length, maxProperties))
    if (minProperties !== undefined && names.length < minProperties)
      errors.push(wrong(path, names.length, `should have at least ${minProperties} properties`))
    for (const name of required)
      if (!Object.hasOwn(object, name)) errors.push(fieldError.required(child(path, name)))
    for (const name of names) {
      if (errors.length >= errorsMax) break
      const [inner, value] = [fieldSchema(schema, name), object[name]]
      if (inner && value !== undefined) errors.push(...this.check(value, inner, child(path, name)))
    }
    if (schema['x-kubernetes-embedded-resource'] === true) errors.push(...checkTypeMeta(object, path))
    return errors
  }

  #combinations(value: JsonValue, schema: JsonSchema, path: string): FieldError[] {
    const { allOf = [], anyOf = [], not, oneOf = [] } = schema
    const errors: FieldError[] = []
    const outcomes = (schemas: readonly JsonSchema[]) => schemas.map((one) => this.check(value, one, path))
    if (anyOf.length > 0) {
      const found = outcomes(anyOf)
      if (found.every(isNonEmpty))
        errors.push(unplaced(path, 'must validate at least one schema (anyOf)'), ...nearest(found))
    }
    if (oneOf.length > 0) {
      const found = outcomes(oneOf)
      const fits = found.filter((one) => one.length === 0).length
      const why = 'must validate one and only one schema (oneOf).'
      if (fits === 0) errors.push(unplaced(path, `${why} Found none valid`), ...nearest(found))
      if (fits > 1) errors.push(unplaced(path, `${why} Found ${fits} valid alternatives`))
    }
    const failed = outcomes(allOf).filter(isNonEmpty)
    if (failed.length > 0) {
      const none = failed.length === allOf.length ? '. None validated' : ''
      errors.push(...failed.flat(), unplaced(path, `must validate all the schemas (allOf)${none}`))
    }
    if (not && this.check(value, not, path).length === 0)
      errors.push(unplaced(path, 'must not validate the schema (not)'))
    return errors
  }
}

const isNonEmpty = (list: readonly unknown[]): boolean => list.length > 0

/** What the alternative with the fewest mistakes has against the value. */
const nearest = (found: readonly FieldError[][]): FieldError[] =>
  found.reduce((best, one) => (one.length < best.length ? one : best), found[0] ?? [])

const wrong = (path: string, value: unknown, why: string): FieldError =>
  fieldError.invalid(path, value, `${path} in body ${why}`)

/** Upstream loses the place of these on the way. */
const unplaced = (path: string, why: string): FieldError =>
  fieldError.invalid('<nil>', '', `${JSON.stringify(path)} ${why}`)

const typeMismatch = (path: string, value: unknown, wanted: string, found: string): FieldError =>
  fieldError.typeInvalid(path, value, `${path} in body must be of type ${wanted}: ${JSON.stringify(found)}`)

const typeOf = (value: JsonValue): string => {
  if (value === null) return 'null'
  if (isJsonArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function checkType(value: JsonValue, schema: JsonSchema, path: string): FieldError[] {
  const isEither = schema['x-kubernetes-int-or-string'] === true
  const wanted = isEither ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type]
  const found = typeOf(value)
  if (wanted.length === 0 || wanted.includes(found)) return []
  if (wanted.includes('number') && found === 'integer') return []
  return [typeMismatch(path, found, wanted.join(','), found)]
}

function checkEnum(value: JsonValue, schema: JsonSchema, path: string): FieldError[] {
  const allowed = schema.enum
  if (!allowed || allowed.some((one) => isEqual(one, value))) return []
  const texts = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  return [fieldError.notSupported(path, value, texts)]
}

const intRanges: Readonly<Record<string, readonly [min: number, max: number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
}

function checkNumber(value: number, schema: JsonSchema, path: string): FieldError[] {
  const { exclusiveMaximum, exclusiveMinimum, format = '', maximum, minimum, multipleOf } = schema
  const errors: FieldError[] = []
  const [min, max] = intRanges[format] ?? [-Infinity, Infinity]
  if (value < min || value > max)
    errors.push(wrong(path, value, `must be of type integer with format ${format}`))
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum))
    errors.push(
      wrong(path, value, `should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`),
    )
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum))
    errors.push(
      wrong(
        path,
        value,
        `should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`,
      ),
    )
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(value / multipleOf))
    errors.push(wrong(path, value, `should be a multiple of ${multipleOf}`))
  return errors
}

/** Items of a set, and the keys of a map's items, occur once. */
function checkUnique(list: readonly JsonValue[], schema: JsonSchema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  if (listType !== 'set' && listType !== 'map') return []
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const seen = new Set<string>()
  return list.flatMap((item, index) => {
    if (listType === 'map' && !isJsonObject(item)) return []
    const identity = isJsonObject(item) && listType === 'map' ? pick(item, keys) : item
    const text = JSON.stringify(identity)
    if (!seen.has(text)) {
      seen.add(text)
      return []
    }
    return [fieldError.duplicate(at(path, index), identity)]
  })
}

const pick = (item: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(
    keys.flatMap((key) => {
      const value = Object.hasOwn(item, key) ? item[key] : undefined
      return value === undefined ? [] : [[key, value]]
    }),
  )

/** A whole object inside of another says what it is. */
const checkTypeMeta = (object: JsonObject, path: string): FieldError[] =>
  ['apiVersion', 'kind'].flatMap((name) => {
    const value = object[name]
    if (value === undefined || value === '')
      return [fieldError.required(child(path, name), 'must not be empty')]
    return typeof value === 'string'
      ? []
      : [typeMismatch(child(path, name), typeOf(value), 'string', typeOf(value))]
  })
