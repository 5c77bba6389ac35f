/** Who the field manager of a request is, and what of its write counts. */
import type { FieldWriter } from '../api/apply/field-writer.ts'
import type { FieldSet } from '../api/apply/field-set.ts'
import { recordUpdate } from '../api/apply/record-update.ts'
import type { JsonObject } from '../api/json.ts'
import type { OtherVersion } from '../api/apply/versions.ts'
import { apiVersionOf, groupVersionOf, type KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { VerbContext } from './context.ts'
import { fieldManagerBytesMax } from './write-options.ts'

/** `subresource` is the one the request names: its writes have an entry of their own. */
export const fieldWriterOf = (
  context: VerbContext,
  subresource: string,
  now: string = context.machinery.nowIso(),
): FieldWriter => ({
  manager: fieldManagerOf(context),
  apiVersion: apiVersionOf(context.def.group, context.def.version),
  subresource,
  schema: context.def.schema,
  otherVersion: otherVersionsOf(context),
  now,
  resetFields: resetFieldsOf(context.def, subresource),
})

/** Of kinds whose versions differ in more than their name: those convert at the store's boundary. */
function otherVersionsOf({ def, machinery }: VerbContext): NonNullable<FieldWriter['otherVersion']> {
  // Made for those who ask: most objects have owners of one version only.
  let known: Map<string, OtherVersion | undefined> | undefined
  const find = (apiVersion: string): OtherVersion | undefined => {
    const { group, version } = groupVersionOf(apiVersion)
    if (group === def.group && version === def.version) return undefined
    const other = machinery.findResource(group, version, def.plural)
    if (!other || other.kind !== def.kind || storedVersion(other) !== storedVersion(def)) return undefined
    return { schema: other.schema, to: converter(def, other), from: converter(other, def) }
  }
  return (apiVersion) => {
    known ??= new Map()
    if (!known.has(apiVersion)) known.set(apiVersion, find(apiVersion))
    return known.get(apiVersion)
  }
}

const storedVersion = ({ group, storage, version }: ResourceDef): string =>
  storage ? apiVersionOf(storage.group, storage.version) : apiVersionOf(group, version)

const converter =
  (from: ResourceDef, to: ResourceDef) =>
  (object: JsonObject): JsonObject => {
    // Conversions may share parts with what they are given, and take whole objects.
    const given = structuredClone(object) as unknown as KubeObject
    const stored = from.storage ? from.storage.toStorage(given) : given
    return asJson(to.storage ? to.storage.fromStorage(stored) : stored)
  }

interface Write {
  readonly object: KubeObject
  /** Undefined for a new object. */
  readonly old: KubeObject | undefined
  readonly subresource: string
  readonly nowIso: string
}

/** Writes into `object` who owns what after this write, which is no apply. */
export function recordOwners(context: VerbContext, { object, old, subresource, nowIso }: Write): void {
  const writer = fieldWriterOf(context, subresource, nowIso)
  const entries = recordUpdate(old && asJson(old), asJson(object), writer)
  const metadata: { managedFields?: unknown } = object.metadata
  if (entries === undefined) delete metadata.managedFields
  else metadata.managedFields = entries
}

/** Objects come from JSON and are nothing but JSON. */
const asJson = (object: KubeObject): JsonObject => object as unknown as JsonObject

const fieldManagerOf = ({ info, request }: VerbContext): string => {
  const given = info.query.get('fieldManager') ?? ''
  return given === '' ? managerOfUserAgent(request.headers['user-agent'] ?? '') : given
}

const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

const plainName = /^[ -~]*$/

/** `kubectl/v1.35 (linux/amd64)` is `kubectl`. */
export const managerOfUserAgent = (userAgent: string): string => {
  const slash = userAgent.indexOf('/')
  const given = slash < 0 ? userAgent : userAgent.slice(0, slash)
  if (given.length <= fieldManagerBytesMax && plainName.test(given)) return given
  const name = given.toWellFormed().replaceAll(unprintable, '')
  const bytes = Buffer.from(name)
  // A character that the cut would halve becomes U+FFFD and goes with it.
  return bytes.length <= fieldManagerBytesMax
    ? name
    : bytes.subarray(0, fieldManagerBytesMax).toString('utf8').replaceAll('\ufffd', '')
}

const statusOnly: FieldSet = { 'f:status': {} }
const specOnly: FieldSet = { 'f:spec': {} }
const nothing: FieldSet = {}

/** What the strategies take from the stored object, whatever a request says. */
const resetFieldsOf = (def: ResourceDef, subresource: string): FieldSet => {
  if (subresource === 'status') return specOnly
  const hasStatus = def.subresources.some(({ name }) => name === 'status')
  return subresource === '' && hasStatus ? statusOnly : nothing
}
