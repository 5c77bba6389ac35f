/**
 * Every write that is no apply is an `Update`: what it changed is its manager's from now on and nobody else's. Runs on
 * every write of the server, most of which are status updates: a diff that is empty costs nothing more, and owners of
 * whom nothing was taken keep their entries as they are.
 */
import { isEqual } from '../equal.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { createdFields } from './created-fields.ts'
import { changedFields, compare, isUnchanged, type Comparison } from './compare.ts'
import { difference, differenceBelow, emptySet, isEmptySet, union, type FieldSet } from './field-set.ts'
import { managedFieldsOf, ownable, withoutServersFields, type FieldWriter } from './field-writer.ts'
import {
  capOwners,
  decodeOwners,
  encodeOwners,
  isReset,
  ownerKey,
  storedOwners,
  withoutEmpty,
  type ManagedFieldsEntry,
  type Owner,
} from './managed-entries.ts'
import { changesBetween, type ChangesIn } from './versions.ts'

/**
 * The `managedFields` of the object that is about to be stored; undefined for none. `live` is undefined for a new object.
 * `wished` is what the request made of it, with defaults and before the server's own changes; the list it brings counts
 * when it is a valid one, and the writer is not one of a subresource. An object that lost its list stays without one
 * until somebody applies. Neither argument is changed.
 */
export function recordUpdate(
  live: JsonObject | undefined,
  wished: JsonObject,
  writer: FieldWriter,
): readonly (ManagedFieldsEntry | JsonValue)[] | undefined {
  const stored = live && managedFieldsOf(live)
  const given = managedFieldsOf(wished)
  const isGiven = writer.subresource === '' && given !== undefined && !(stored && isEqual(given, stored))
  const before = isGiven ? ownersFrom(given, stored) : undefined
  if (live && !before && stored === undefined) return undefined
  if (!live && !before) return ofCreator(wished, writer)
  const changes = compare(
    live ? withoutServersFields(live) : emptyObject,
    withoutServersFields(wished),
    writer.schema,
  )
  if (!before && isUnchanged(changes)) return stored
  const owners = before ?? readable(() => storedOwners(stored ?? []))
  if (live && owners.length === 0) return undefined
  const changesIn = live
    ? changesBetween(live, wished, { ...writer, own: changes, bare: withoutServersFields })
    : () => changes
  return encodeOwners(capOwners(ownersAfterUpdate(owners, changesIn, writer)))
}

const emptyObject: JsonObject = Object.freeze({ metadata: Object.freeze({}) })

/** Of a new object that says nothing of owners. */
function ofCreator(object: JsonObject, writer: FieldWriter): readonly ManagedFieldsEntry[] | undefined {
  const fields = ownable(createdFields(withoutServersFields(object), writer.schema), writer)
  if (isEmptySet(fields)) return undefined
  return encodeOwners([{ ...identityOf(writer), time: writer.now, fields, stored: fields }])
}

const identityOf = ({ apiVersion, manager, subresource }: FieldWriter) =>
  ({ manager: manager === '' ? 'unknown' : manager, operation: 'Update', apiVersion, subresource }) as const

/** A list that makes no sense is taken for a client's mistake, not for its wish. */
function ownersFrom(given: readonly JsonValue[], stored: readonly JsonValue[] | undefined): readonly Owner[] {
  if (isReset(given)) return []
  const owners = decodedOrNone(given)
  return owners.length > 0 ? owners : decodedOrNone(stored)
}

export const decodedOrNone = (entries: readonly unknown[] | undefined): readonly Owner[] =>
  readable(() => decodeOwners(entries ?? []))

function readable(read: () => readonly Owner[]): readonly Owner[] {
  try {
    return read()
  } catch {
    // Upstream's rule: ownership that can't be read is no reason to refuse a write.
    return []
  }
}

/** The owners after somebody made these changes: what was changed is nobody's but the writer's. */
export function ownersAfterUpdate(
  owners: readonly Owner[],
  changesIn: ChangesIn,
  writer: FieldWriter,
): readonly Owner[] {
  const { apiVersion, now } = writer
  const changes = changesIn(apiVersion)
  const changed = differenceBelow(changedFields(changes), writer.resetFields)
  const removed = differenceBelow(changes.removed, writer.resetFields)
  const taken = ownable(changed, writer)
  const identity = identityOf(writer)
  const key = ownerKey(identity)
  const self = owners.find((owner) => ownerKey(owner) === key)
  const others = withoutTaken(
    owners.filter((owner) => owner !== self),
    (version) => takenBy(changesIn(version), writer),
  )
  // What it changed it has already, mostly; then the set stays the very same.
  const kept = self ? difference(self.fields, removed) : emptySet
  const time = isEmptySet(taken) ? self?.time : now
  return withoutEmpty([...others, { ...self, ...identity, time, fields: union(kept, taken) }])
}

export const takenBy = (changes: Comparison, { resetFields }: Pick<FieldWriter, 'resetFields'>): FieldSet =>
  differenceBelow(union(changedFields(changes), changes.removed), resetFields)

/** `takenIn` says what was taken in the words of an owner's version. */
export function withoutTaken(
  owners: readonly Owner[],
  takenIn: (apiVersion: string) => FieldSet,
): readonly Owner[] {
  return withoutEmpty(
    owners.map((owner) => {
      const fields = difference(owner.fields, takenIn(owner.apiVersion))
      return fields === owner.fields ? owner : { ...owner, fields }
    }),
  )
}
