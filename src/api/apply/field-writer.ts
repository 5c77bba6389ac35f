/** Who writes, as what, and what of it counts: the facts that both kinds of a write need. */
import type { JsonObject, JsonValue } from '../json.ts'
import type { ObjectMeta } from '../meta.ts'
import { isJsonArray, isJsonObject } from '../json.ts'
import { difference, differenceBelow, type FieldSet } from './field-set.ts'
import type { Versions } from './versions.ts'

export interface FieldWriter extends Versions {
  /** `fieldManager` of the request, or the beginning of its User-Agent. */
  readonly manager: string
  /** Empty for the object itself. */
  readonly subresource: string
  /** RFC 3339 with seconds. */
  readonly now: string
  /** What this path of the API takes from the stored object whatever the request says; nobody comes to own it here. */
  readonly resetFields: FieldSet
}

/** Parts of every object that belong to the server, or say which object it is. */
const serversFields: FieldSet = {
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': {
    '.': {},
    'f:name': {},
    'f:namespace': {},
    'f:creationTimestamp': {},
    'f:selfLink': {},
    'f:uid': {},
    'f:clusterName': {},
    'f:generation': {},
    'f:managedFields': {},
    'f:resourceVersion': {},
  },
}

/** What a writer may own of a set. */
export const ownable = (set: FieldSet, { resetFields }: Pick<FieldWriter, 'resetFields'>): FieldSet =>
  difference(differenceBelow(set, resetFields), serversFields)

/** The object without what no diff shall see: who owns it, and what only the server writes. Shares the rest. */
export function withoutServersFields(object: JsonObject): JsonObject {
  const { apiVersion: _, kind: _kind, metadata, ...rest } = object
  const {
    name: _name,
    namespace: _namespace,
    creationTimestamp: _created,
    uid: _uid,
    generation: _generation,
    managedFields: _fields,
    resourceVersion: _version,
    ...kept
  } = isJsonObject(metadata) ? metadata : {}
  return { metadata: kept, ...rest }
}

/** Undefined when the object has no such list at all. */
export const managedFieldsOf = ({
  metadata,
}: JsonObject | { metadata: ObjectMeta }): readonly JsonValue[] | undefined => {
  const fields: unknown = isJsonObject(metadata) ? metadata['managedFields'] : undefined
  return isJsonArray(fields) ? fields : undefined
}
