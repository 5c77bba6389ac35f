/** What an applier no longer speaks of, and nobody else owns, goes. */
import type { JsonObject } from '../json.ts'
import type { TypeDef } from '../schema/schema.ts'
import { difference, emptySet, intersection, isEmptySet, union, type FieldSet } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import type { Owner } from './managed-entries.ts'
import { removeFields, withNamedParents } from './remove-fields.ts'
import type { OtherVersion, Versions } from './versions.ts'

export interface Claims {
  /** What the applier owned so far, in the words of the version it wrote then. */
  readonly last: Owner | undefined
  /** What it owns now. */
  readonly fields: FieldSet
  readonly others: readonly Owner[]
  readonly applier: Versions
}

/**
 * Without the fields that the applier gave last time and not this time, and that nobody else owns. A parent goes with the
 * last of its children, not with a child that somebody else owns; an item that only the applier brought goes with all
 * that others have put into it. What nobody owns stays. Each owner's claims are looked at in its own version.
 */
export function pruned(merged: JsonObject, { applier, fields, last, others }: Claims): JsonObject {
  if (!last) return merged
  const before = versionOf(applier, last.apiVersion)
  if (before.isOwn && isEmptySet(difference(last.fields, fields))) return merged
  const { from, schema, to } = before
  const whole = to(merged)
  const dropped = closed(last.fields, schema)
  let kept = removeFields(whole, dropped, schema)
  for (const [version, claims] of claimsByVersion({ applier, fields, last, others }))
    kept = to(withClaimed(version.to(from(whole)), version.to(from(kept)), claims, version))
  const gone = difference(closed(fieldsOf(whole, schema), schema), closed(fieldsOf(kept, schema), schema))
  return from(removeFields(whole, intersection(gone, dropped), schema))
}

/** `rest` with what of `whole` is claimed; in the version that the claims are of, and back in the applier's. */
function withClaimed(
  whole: JsonObject,
  rest: JsonObject,
  claims: FieldSet,
  { from, schema }: Version,
): JsonObject {
  const wanted = union(closed(fieldsOf(rest, schema), schema), closed(claims, schema))
  return from(removeFields(whole, difference(closed(fieldsOf(whole, schema), schema), wanted), schema))
}

const closed = (set: FieldSet, schema: TypeDef): FieldSet => withNamedParents(set, schema)

interface Version extends OtherVersion {
  readonly isOwn: boolean
}

const same = (object: JsonObject): JsonObject => object

function versionOf({ otherVersion, schema }: Versions, apiVersion: string): Version {
  const other = otherVersion?.(apiVersion)
  return other ? { ...other, isOwn: false } : { schema, to: same, from: same, isOwn: true }
}

/** The applier's last version first: what is left there can be converted to the others. */
function claimsByVersion({
  applier,
  fields,
  last,
  others,
}: Claims & { readonly last: Owner }): readonly (readonly [Version, FieldSet])[] {
  const owners = [...others, { apiVersion: applier.apiVersion, fields }]
  const versions = new Set([last, ...owners].map(({ apiVersion }) => nameIn(applier, apiVersion)))
  return Array.from(versions, (name) => {
    const own = owners.filter(({ apiVersion }) => nameIn(applier, apiVersion) === name)
    return [versionOf(applier, name), own.reduce((all, owner) => union(all, owner.fields), emptySet)] as const
  })
}

/** Versions that need no conversion are one. */
const nameIn = ({ apiVersion: own, otherVersion }: Versions, apiVersion: string): string =>
  otherVersion?.(apiVersion) ? apiVersion : own
