/**
 * `/scale` shows one field of an object as a field of its own kind. Who owns that field there is who owns it here, under
 * the other path and the other version.
 */
import {
  difference,
  emptySet,
  hasPath,
  insertPath,
  isEmptySet,
  union,
  type FieldSet,
  type GrowingSet,
} from './field-set.ts'
import {
  encodeOwners,
  ownerKey,
  withoutEmpty,
  type ManagedFieldsEntry,
  type Owner,
} from './managed-entries.ts'
import { decodedOrNone } from './record-update.ts'

const scaleVersion = 'autoscaling/v1'
const replicasOfScale = ['f:spec', 'f:replicas']

type Entries = readonly object[] | undefined
type Encoded = readonly ManagedFieldsEntry[] | undefined

/** The `managedFields` of the Scale. `path` is that of the replicas in the object: `['f:spec', 'f:replicas']`. */
export const scaleEntriesOf = (entries: Entries, path: readonly string[]): Encoded =>
  encodeOwners(
    decodedOrNone(entries)
      .filter(({ fields }) => hasPath(fields, path))
      .map((owner) => ({ ...owner, apiVersion: scaleVersion, fields: setOf(replicasOfScale) })),
  )

/** The object's `managedFields` after the Scale's have become `scaled`. */
export function objectEntriesOf(
  entries: Entries,
  scaled: Entries,
  { apiVersion, path }: { readonly apiVersion: string; readonly path: readonly string[] },
): Encoded {
  const replicas = setOf(path)
  const owners = new Map(decodedOrNone(entries).map((owner) => [ownerKey(owner), owner]))
  const now = decodedOrNone(scaled)
    .filter(({ fields }) => hasPath(fields, replicasOfScale))
    .map((owner) => ({ ...owner, apiVersion }))
  const stay = new Set(now.map(ownerKey))
  for (const [key, owner] of owners)
    if (!stay.has(key)) owners.set(key, { ...owner, fields: difference(owner.fields, replicas) })
  for (const owner of now)
    owners.set(ownerKey(owner), withReplicas(owner, owners.get(ownerKey(owner)), replicas))
  return encodeOwners(withoutEmpty([...owners.values()]))
}

const withReplicas = (owner: Owner, before: Owner | undefined, replicas: FieldSet): Owner =>
  before && isEmptySet(difference(replicas, before.fields))
    ? before
    : { ...owner, fields: union(before?.fields ?? emptySet, replicas) }

const setOf = (path: readonly string[]): FieldSet => {
  const set: GrowingSet = {}
  insertPath(set, path)
  return set
}
