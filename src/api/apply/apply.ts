/**
 * Server-side apply: a configuration is laid over the live object, its applier comes to own exactly the fields it
 * speaks of, and what it spoke of last time and nobody else owns goes. To change what somebody else owns is a conflict,
 * unless forced. Two appliers that wish for the same value own it together.
 */
import { isEqual } from '../equal.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { groupVersionOf } from '../meta.ts'
import { decode } from '../schema/decode.ts'
import { badRequest, internal } from '../status.ts'
import { changedFields, compare } from './compare.ts'
import { conflictError, conflictsOf, conflictsOutside, type Conflict } from './conflicts.ts'
import { differenceBelow, emptySet, hasPath } from './field-set.ts'
import { managedFieldsOf, ownable, type FieldWriter } from './field-writer.ts'
import { fieldsOf } from './fields-of.ts'
import { fieldsLastApplied, kubectlManager, withLastApplied } from './last-applied.ts'
import { decodeOwners, encodeOwners, ownerKey, withoutEmpty, type Owner } from './managed-entries.ts'
import { merge } from './merge.ts'
import { ownersAfterUpdate, takenBy, withoutTaken } from './record-update.ts'
import { pruned } from './prune.ts'
import { withAtomicWholes } from './remove-fields.ts'
import { typeErrors, typeErrorsText } from './type-errors.ts'
import { changesBetween, schemaIn, type ChangesIn } from './versions.ts'

export interface Applier extends FieldWriter {
  readonly kind: string
  /** Take what others own. */
  readonly force: boolean
}

/**
 * The object that the live one becomes, with its `managedFields`, before defaults; nulls may stand where nothing is left.
 * `live` of a new object is its kind, apiVersion and empty metadata. An apply that changes neither the object nor who
 * owns it yields an equal object. Throws StatusErrors: BadRequest for a configuration that is not of its kind, Conflict.
 * Changes neither argument.
 */
export function applyConfiguration(live: JsonObject, config: JsonObject, applier: Applier): JsonObject {
  checkConfiguration(config, applier)
  const bare = withManagedFields(live, undefined)
  const owners = ownersBefore(live, bare, applier)
  const isKubectl = applier.manager === kubectlManager
  const outcome = overlay(bare, config, owners, applier)
  if (outcome.conflicts.length > 0 && !applier.force) {
    const allowed = isKubectl ? fieldsLastApplied(bare, applier) : emptySet
    const unsettled = conflictsOutside(outcome.conflicts, allowed)
    if (unsettled.length > 0) throw conflictError(unsettled)
  }
  const object = isKubectl ? withLastApplied(outcome.object, config) : outcome.object
  return withManagedFields(object, encodeOwners(outcome.owners))
}

function checkConfiguration(config: JsonObject, { apiVersion, kind, schema }: Applier): void {
  const { metadata } = config
  const [givenKind, givenVersion] = [textOf(config['kind']), textOf(config['apiVersion'])]
  if (givenKind !== kind || givenVersion !== apiVersion) {
    const { group, version } = groupVersionOf(givenVersion)
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${givenKind}`)
  }
  const managed = isJsonObject(metadata) ? metadata['managedFields'] : undefined
  if (managed !== undefined && managed !== null) throw badRequest('metadata.managedFields must be nil')
  const errors = typeErrors(config, schema)
  if (errors.length === 0) return
  const { group, version } = groupVersionOf(apiVersion)
  const name = isJsonObject(metadata) ? textOf(metadata['name']) : ''
  const namespace = isJsonObject(metadata) ? textOf(metadata['namespace']) : ''
  const which = `${namespace}/${name}; ${group}/${version}, Kind=${kind}`
  // Upstream answers this with a 500; the text is its own.
  throw badRequest(`failed to create typed patch object (${which}): ${typeErrorsText(errors)}`)
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Whoever owns fields before this apply. What an object without owners holds is `before-first-apply`'s. */
function ownersBefore(live: JsonObject, bare: JsonObject, applier: Applier): readonly Owner[] {
  const owners = readOwners(live).map((owner) => {
    const fields = withAtomicWholes(owner.fields, schemaIn(applier, owner.apiVersion))
    return fields === owner.fields ? owner : { ...owner, fields }
  })
  if (owners.length > 0) return owners
  const writer = { ...applier, manager: 'before-first-apply' }
  const nothing = { apiVersion: applier.apiVersion, kind: applier.kind, metadata: {} }
  return ownersAfterUpdate([], () => compare(nothing, bare, applier.schema), writer)
}

function readOwners(live: JsonObject): readonly Owner[] {
  try {
    return decodeOwners(managedFieldsOf(live) ?? [])
  } catch (error) {
    // No path of the API stores such a list. To guess who owns what would be worse than to stop.
    throw internal(new Error(`failed to decode managed fields: ${String(error)}`, { cause: error }))
  }
}

interface Outcome {
  readonly object: JsonObject
  readonly owners: readonly Owner[]
  readonly conflicts: readonly Conflict[]
}

function overlay(live: JsonObject, config: JsonObject, before: readonly Owner[], applier: Applier): Outcome {
  const { apiVersion, now, schema, subresource } = applier
  const manager = applier.manager === '' ? 'unknown' : applier.manager
  const identity = { manager, operation: 'Apply', apiVersion, subresource } as const
  const key = ownerKey(identity)
  const last = before.find((owner) => ownerKey(owner) === key)
  const others = before.filter((owner) => owner !== last)
  const fields = differenceBelow(fieldsOf(config, schema), applier.resetFields)
  const merged = merge(live, config, schema)
  const object = pruned(merged, { last, fields, others, applier })
  const asked = changesTo(live, object, applier)
  const touched = conflictsOf(others, (version) =>
    differenceBelow(changedFields(asked(version)), applier.resetFields),
  )
  const changesIn = touched.length === 0 ? asked : changesTo(live, withoutEmpties(object, applier), applier)
  const takenIn = (version: string) => takenBy(changesIn(version), applier)
  const conflicts = touched.filter(({ owner, path }) => hasPath(takenIn(owner.apiVersion), path))
  const isChanged = !isEqual(live, object)
  const time = last === undefined || isChanged ? now : last.time
  return {
    object: isChanged ? object : live,
    owners: withoutEmpty([
      ...withoutTaken(others, takenIn),
      { ...identity, time, fields: ownable(fields, applier) },
    ]),
    conflicts,
  }
}

const changesTo = (live: JsonObject, object: JsonObject, applier: Applier): ChangesIn =>
  changesBetween(live, object, {
    ...applier,
    own: compare(live, object, applier.schema),
    bare: (each) => each,
  })

/** As it will be stored: a map that is empty both before and after is no change that somebody could object to. */
function withoutEmpties(object: JsonObject, { schema }: Applier): JsonObject {
  const stored = decode(object, schema, { unknown: 'drop', omitEmpty: true }).object
  return isJsonObject(stored) ? stored : object
}

/** The list goes where it was, or to the end. */
function withManagedFields(object: JsonObject, entries: unknown): JsonObject {
  const { metadata } = object
  const { managedFields: _, ...kept } = isJsonObject(metadata) ? metadata : {}
  const fields = entries === undefined ? {} : { managedFields: entries as JsonObject[string] }
  return { ...object, metadata: { ...kept, ...fields } }
}
