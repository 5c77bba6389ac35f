/** `metadata.managedFields`: who owns which fields of an object, how it came to them, and when it last changed them. */
import { isEqual } from '../equal.ts'
import { isJsonObject } from '../json.ts'
import { compareText } from './element.ts'
import { decodeSet, isEmptySet, isSet, sortSet, unionOf, type FieldSet } from './field-set.ts'

/** An entry as it is stored and sent. */
export interface ManagedFieldsEntry {
  readonly manager?: string
  readonly operation: Operation
  readonly apiVersion: string
  readonly time?: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldSet
  readonly subresource?: string
}

export type Operation = 'Apply' | 'Update'

/** Who owns fields. An applier is the same in every version; a client that updates is another in each. */
export interface Owner {
  readonly manager: string
  readonly operation: Operation
  /** The version that the paths of `fields` are of. */
  readonly apiVersion: string
  /** Empty for the object itself. */
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
  /** The set as it is stored. While `fields` is still this very set it is in order and need not be put in order. */
  readonly stored?: FieldSet
}

/** Two owners with one key are one. Sorts as upstream sorts them, by name first. */
export const ownerKey = ({
  manager,
  operation,
  apiVersion,
  subresource,
}: Omit<Owner, 'fields' | 'stored' | 'time'>): string =>
  JSON.stringify([manager, operation, operation === 'Apply' ? '' : apiVersion, subresource])

/** A list from outside. Throws an Error that says what is wrong; nothing of such a list counts then. */
export function decodeOwners(entries: readonly unknown[]): readonly Owner[] {
  const owners = new Map<string, Owner>()
  for (const [i, entry] of entries.entries()) {
    const owner = decodeOwner(entry, i, decodeSet)
    owners.set(ownerKey(owner), owner)
  }
  return [...owners.values()]
}

/** A list that `encodeOwners` made: its sets are taken as they are. Throws as `decodeOwners`. */
export const storedOwners = (entries: readonly unknown[]): readonly Owner[] =>
  entries.map((entry, i) => {
    const owner = decodeOwner(entry, i, storedSet)
    return { ...owner, stored: owner.fields }
  })

const storedSet = (fields: unknown): FieldSet => {
  if (!isSet(fields)) throw new Error('a stored set of fields is none')
  return fields
}

function decodeOwner(entry: unknown, index: number, decode: (fields: unknown) => FieldSet): Owner {
  const given = isJsonObject(entry) ? entry : {}
  const text = (name: string): string => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    return typeof value === 'string' ? value : ''
  }
  const operation = text('operation')
  if (operation !== 'Apply' && operation !== 'Update')
    throw new Error('operation must be `Apply` or `Update`')
  const apiVersion = text('apiVersion')
  if (apiVersion === '') throw new Error('apiVersion must not be empty')
  const fieldsType = text('fieldsType')
  if (fieldsType === '') throw new Error(`missing fieldsType in managed fields entry ${index}`)
  if (fieldsType !== 'FieldsV1')
    throw new Error(`invalid fieldsType "${fieldsType}" in managed fields entry ${index}`)
  const time = text('time')
  return {
    manager: text('manager'),
    operation,
    apiVersion,
    subresource: text('subresource'),
    time: time === '' ? undefined : time,
    fields: decode(given['fieldsV1']),
  }
}

/** In upstream's order: appliers first, then by time and name. Undefined for nobody. */
export const encodeOwners = (owners: readonly Owner[]): readonly ManagedFieldsEntry[] | undefined =>
  owners.length === 0 ? undefined : owners.toSorted(compareOwners).map(encodeOwner)

const encodeOwner = ({
  manager,
  operation,
  apiVersion,
  subresource,
  time,
  fields,
  stored,
}: Owner): ManagedFieldsEntry => ({
  ...(manager !== '' && { manager }),
  operation,
  apiVersion,
  ...(time !== undefined && { time }),
  fieldsType: 'FieldsV1',
  fieldsV1: fields === stored ? fields : sortSet(fields),
  ...(subresource !== '' && { subresource }),
})

// Times are canonical RFC 3339 of one zone: their texts sort as they do.
const compareOwners = (a: Owner, b: Owner): number =>
  compareText(a.operation, b.operation) ||
  compareText(a.time ?? '', b.time ?? '') ||
  compareText(a.manager, b.manager) ||
  compareText(a.apiVersion, b.apiVersion) ||
  compareText(a.subresource, b.subresource)

/** The documented ways to say that nobody owns anything any more: an empty list, or one with an empty entry. */
export const isReset = (entries: readonly unknown[]): boolean => {
  const [first] = entries
  return entries.length === 0 || (entries.length === 1 && isEqual(first, {}))
}

/** True when the two differ in nothing but times. */
export const isSameButForTimes = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  isEqual(a.map(withoutTime), b.map(withoutTime))

const withoutTime = (entry: unknown): unknown => (isJsonObject(entry) ? { ...entry, time: undefined } : entry)

/** Clients that update are many and short-lived on some objects; beyond this the oldest are kept as one. */
export const updateOwnersMax = 10
const ancientManager = 'ancient-changes'

/** At most `updateOwnersMax` owners by update: the oldest of one version are merged into `ancient-changes`. */
export function capOwners(owners: readonly Owner[]): readonly Owner[] {
  const updaters = owners.filter(({ operation }) => operation === 'Update')
  if (updaters.length <= updateOwnersMax) return owners
  const oldestFirst = updaters.toSorted(
    (a, b) => compareText(a.time ?? '', b.time ?? '') || compareText(ownerKey(a), ownerKey(b)),
  )
  const kept = new Map(owners.map((owner) => [ownerKey(owner), owner]))
  const first = new Map<string, Owner>()
  const parts = new Map<string, FieldSet[]>()
  let count = updaters.length
  for (const owner of oldestFirst) {
    if (count <= updateOwnersMax) break
    const oldest = first.get(owner.apiVersion)
    if (!oldest) {
      first.set(owner.apiVersion, owner)
      continue
    }
    const bucket = { ...oldest, manager: ancientManager, subresource: '' }
    const key = ownerKey(bucket)
    const known = kept.get(key)
    const merged = known && ownerKey(owner) !== key ? known : oldest
    if (merged !== known) kept.delete(ownerKey(oldest))
    kept.delete(ownerKey(owner))
    const gathered = parts.get(key) ?? []
    gathered.push(owner.fields, merged.fields)
    parts.set(key, gathered)
    kept.set(key, { ...bucket, fields: merged.fields, time: owner.time })
    count--
  }
  for (const [key, sets] of parts) {
    const gathered = kept.get(key)
    if (gathered) kept.set(key, { ...gathered, fields: unionOf(sets) })
  }
  return [...kept.values()]
}

export const withoutEmpty = (owners: readonly Owner[]): readonly Owner[] =>
  owners.filter(({ fields }) => !isEmptySet(fields))
