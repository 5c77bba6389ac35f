/** Which objects of a resource a list or watch is about: namespace, label selector and field selector as one predicate. */
import {
  matchesFields,
  parseFieldSelector,
  requiredFieldValue,
  type FieldSelector,
} from '../api/field-selector.ts'
import { quote } from '../api/quote.ts'
import type { ResourceDef } from '../api/resource.ts'
import { isEverything, matchesLabels, type Selector } from '../api/selector.ts'
import { parseSelector } from '../api/selector-parser.ts'
import { badRequest } from '../api/status.ts'
import type { CachedObject } from './cached-object.ts'
import { namespacePrefix, objectKeyOf } from './keys.ts'

export interface Selection {
  /** Two selections of one resource with the same text select the same. */
  readonly text: string
  /** Keys outside of it are none of this request's business. */
  readonly prefix: string
  /** The only key that can match, where the request fixes it. */
  readonly key: string | undefined
  /** True when a selector looks at more than the key's prefix. */
  readonly hasSelectors: boolean
  /** For objects under `prefix`. */
  matches(object: CachedObject): boolean
}

/** Throws BadRequest for selectors that can't be read or that name unknown fields. */
export function selectionOf(def: ResourceDef, namespace: string, query: URLSearchParams): Selection {
  const scope = def.namespaced ? namespace : ''
  const labelText = query.get('labelSelector') ?? ''
  const fieldText = query.get('fieldSelector') ?? ''
  const labels = parseSelector(labelText)
  const fields = parseFieldSelector(fieldText)
  for (const { field } of fields) checkField(def, field)
  const name = requiredFieldValue(fields, 'metadata.name')
  const place = scope === '' ? requiredFieldValue(fields, 'metadata.namespace') : scope
  const isPlaced = !def.namespaced || (place !== undefined && place !== '')
  return {
    text: JSON.stringify([scope, labelText, fieldText]),
    prefix: namespacePrefix(def, scope),
    key: name !== undefined && name !== '' && isPlaced ? objectKeyOf(def, place ?? '', name) : undefined,
    hasSelectors: !isEverything(labels) || fields.length > 0,
    matches: predicate(labels, fields),
  }
}

function predicate(labels: Selector, fields: FieldSelector): (object: CachedObject) => boolean {
  const anyLabels = isEverything(labels)
  return (object) =>
    (fields.length === 0 || matchesFields(fields, (field) => fieldValue(object, field))) &&
    (anyLabels || matchesLabels(labels, object.labels))
}

function fieldValue(object: CachedObject, field: string): string | undefined {
  if (field === 'metadata.name') return object.name
  if (field === 'metadata.namespace') return object.namespace
  return object.fields[field]
}

function checkField(def: ResourceDef, field: string): void {
  if (field === 'metadata.name' || field === 'metadata.namespace') return
  if (def.selectableFields && Object.hasOwn(def.selectableFields, field)) return
  throw badRequest(
    def.selectableFields
      ? `field label not supported: ${field}`
      : `${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  )
}
