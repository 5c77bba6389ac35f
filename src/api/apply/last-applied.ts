/**
 * The annotation in which `kubectl apply` without `--server-side` keeps its last configuration. Server-side apply by the
 * manager `kubectl` honours it: fields that are as the annotation says were kubectl's own, so taking them over is no
 * conflict, and the annotation follows what is applied, so that a client-side apply can take over again.
 */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { JsonError, parseJson } from '../schema/json.ts'
import { compare } from './compare.ts'
import { compareText } from './element.ts'
import { difference, emptySet, type FieldSet } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import type { FieldWriter } from './field-writer.ts'
import { typeErrors } from './type-errors.ts'

const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
export const kubectlManager = 'kubectl'
/** Of all annotations together; upstream's. A longer annotation is left out. */
const annotationBytesMax = 256 * 1024

/** What client-side apply has set and nobody has changed since. */
export function fieldsLastApplied(live: JsonObject, { apiVersion, schema }: FieldWriter): FieldSet {
  const last = parsed(lastAppliedOf(live))
  if (!last || last['apiVersion'] !== apiVersion || typeErrors(last, schema).length > 0) return emptySet
  const { added, modified, removed } = compare(last, live, schema)
  return [modified, added, removed].reduce<FieldSet>(difference, fieldsOf(last, schema))
}

function parsed(text: string): JsonObject | undefined {
  if (text === '') return undefined
  try {
    const { value } = parseJson(text, { findDuplicates: false })
    return isJsonObject(value) ? value : undefined
  } catch (error) {
    // Anyone may write annotations; one that can't be read says nothing.
    if (error instanceof JsonError) return undefined
    throw error
  }
}

const annotationsOf = ({ metadata }: JsonObject): JsonObject | undefined => {
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined
  return isJsonObject(annotations) ? annotations : undefined
}

const lastAppliedOf = (object: JsonObject): string => {
  const text = annotationsOf(object)?.[annotation]
  return typeof text === 'string' ? text : ''
}

/** The object with the annotation as of this configuration, where it had one. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  if (lastAppliedOf(object) === '') return object
  const { [annotation]: _, ...others } = annotationsOf(object) ?? {}
  const annotations = { ...others, [annotation]: `${sortedText(withoutAnnotation(config))}\n` }
  return withAnnotations(object, bytesOf(annotations) > annotationBytesMax ? others : annotations)
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const annotations = annotationsOf(config)
  if (!annotations) return config
  const { [annotation]: _, ...others } = annotations
  return withAnnotations(config, others)
}

const withAnnotations = (object: JsonObject, annotations: JsonObject): JsonObject => {
  const { metadata } = object
  return { ...object, metadata: { ...(isJsonObject(metadata) ? metadata : {}), annotations } }
}

const bytesOf = (annotations: JsonObject): number =>
  Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + utf8Length(value), 0)

const utf8Length = (value: JsonValue): number =>
  typeof value === 'string' ? new TextEncoder().encode(value).length : 0

/** JSON as Go writes a map: keys in order, `<`, `>` and `&` escaped. */
function sortedText(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(sortedText).join(',')}]`
  if (!isJsonObject(value)) return escaped(JSON.stringify(value))
  const fields = Object.entries(value).toSorted(([a], [b]) => compareText(a, b))
  return `{${fields.map(([name, field]) => `${escaped(JSON.stringify(name))}:${sortedText(field)}`).join(',')}}`
}

const escaped = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
