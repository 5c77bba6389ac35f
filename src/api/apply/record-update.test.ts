import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze } from '../freeze.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { ownersOf, widgetSchema } from './fixture.ts'
import { updateOwnersMax } from './managed-entries.ts'
import { recordUpdate } from './record-update.ts'
import { objectEntriesOf, scaleEntriesOf } from './scale-owners.ts'

const noon = '2026-01-01T12:00:00Z'
const later = '2026-01-01T13:00:00Z'

interface Options {
  readonly manager?: string
  readonly now?: string
  readonly subresource?: string
  readonly apiVersion?: string
  readonly reset?: string
}

const write = (live: JsonObject | undefined, wished: JsonObject, options: Options = {}): JsonObject => {
  const { apiVersion = 'v1', manager = 'one', now = noon, reset, subresource = '' } = options
  const resetFields: Record<string, object> = reset === undefined ? {} : { [`f:${reset}`]: {} }
  const entries = recordUpdate(live && deepFreeze(live), deepFreeze(wished), {
    apiVersion,
    manager,
    now,
    subresource,
    schema: widgetSchema,
    resetFields: resetFields as never,
  })
  const { managedFields: _, ...metadata } = (wished['metadata'] ?? {}) as JsonObject
  return { ...wished, metadata: { ...metadata, ...(entries && { managedFields: entries as JsonValue }) } }
}

const listOf = (object: JsonObject) =>
  (object['metadata'] as JsonObject)['managedFields'] as readonly JsonObject[]

test('whoever creates owns what it gave, but nothing of the server’s', () => {
  const object = write(undefined, {
    metadata: { name: 'w', labels: { a: '1' }, generation: 1, resourceVersion: '7' },
    count: 1,
  })
  assert.deepEqual(ownersOf(object), { 'one Update': ['.count', '.metadata.labels', '.metadata.labels.a'] })
})

test('a nameless client is unknown', () => {
  assert.deepEqual(ownersOf(write(undefined, { count: 1 }, { manager: '' })), {
    'unknown Update': ['.count'],
  })
})

test('who changes a field takes it; who removes one leaves it to nobody', () => {
  const live = write(undefined, { count: 1, name: 'x', labels: { a: '1' } })
  const after = write(live, { count: 2, labels: { a: '1' } }, { manager: 'two', now: later })
  assert.deepEqual(ownersOf(after), { 'one Update': ['.labels', '.labels.a'], 'two Update': ['.count'] })
  assert.deepEqual(
    listOf(after).map(({ manager, time }) => [manager, time]),
    [
      ['one', noon],
      ['two', later],
    ],
  )
})

test('names that every JavaScript object knows are fields like others', () => {
  const live = write(undefined, { labels: { a: '1' } })
  const added = write(
    live,
    { ...live, labels: { a: '1', constructor: '2', valueOf: '3' } },
    { manager: 'two' },
  )
  assert.deepEqual(ownersOf(added)['two Update'], ['.labels.constructor', '.labels.valueOf'])
})

// As fast as they are long: each of these once took the square.
test('lists of thousands of items and of owners are recorded too', () => {
  const count = 20_000
  const items = Array.from({ length: count }, (_, i) => ({ key: `k${i}` }))
  const grown = write(write(undefined, { name: 'a' }), { name: 'a', items }, { manager: 'two' })
  assert.equal(ownersOf(grown)['two Update']?.length, 2 * count + 1)
  const managedFields = Array.from({ length: count }, (_, i) => ({
    manager: `m${i}`,
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:labels': { [`f:k${i}`]: {} } },
  }))
  const capped = write(undefined, { metadata: { managedFields }, name: 'a' })
  assert.equal(listOf(capped).length, updateOwnersMax)
})

test('a write that changes nothing keeps the very same list', () => {
  const live = write(undefined, { count: 1 })
  assert.equal(listOf(write(live, { count: 1 }, { manager: 'two', now: later })), listOf(live))
})

test('one manager has an entry for each version and subresource', () => {
  let object = write(undefined, { count: 1 })
  object = write(object, { count: 1, name: 'x' }, { subresource: 'status' })
  object = write(object, { count: 1, name: 'x', isOn: true }, { apiVersion: 'v2' })
  assert.deepEqual(
    listOf(object).map(({ apiVersion, subresource }) => [apiVersion, subresource]),
    [
      ['v1', undefined],
      ['v1', 'status'],
      ['v2', undefined],
    ],
  )
})

test('what a path of the API resets is nobody’s by it', () => {
  const live = write(undefined, { count: 1, inner: { x: '1' } }, { reset: 'inner' })
  assert.deepEqual(ownersOf(live), { 'one Update': ['.count'] })
  const after = write(
    live,
    { count: 2, inner: { x: '2' } },
    { manager: 'two', reset: 'count', subresource: 'status' },
  )
  assert.deepEqual(ownersOf(after), { 'one Update': ['.count'], 'two Update/status': ['.inner.x'] })
})

const given = (fields: object, more: object = {}): JsonObject =>
  ({
    manager: 'given',
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...more,
  }) as JsonObject
const live = () => write(undefined, { count: 1, name: 'x' })
const withList = (list: readonly JsonValue[], count = 1): JsonObject => ({
  metadata: { managedFields: list },
  count,
  name: 'x',
})

test('a valid list that a client sends replaces the stored one', () => {
  const after = write(live(), withList([given({ 'f:name': {} })], 2), { manager: 'two' })
  assert.deepEqual(ownersOf(after), { 'given Update': ['.name'], 'two Update': ['.count'] })
})

const nonsense: readonly { readonly name: string; readonly entry: JsonObject }[] = [
  { name: 'no operation', entry: given({ 'f:name': {} }, { operation: 'Create' }) },
  { name: 'no version', entry: given({ 'f:name': {} }, { apiVersion: '' }) },
  { name: 'no type of fields', entry: given({ 'f:name': {} }, { fieldsType: '' }) },
  { name: 'another type of fields', entry: given({ 'f:name': {} }, { fieldsType: 'FieldsV2' }) },
  { name: 'fields that are none', entry: given({ nonsense: {} }) },
]
for (const { name, entry } of nonsense)
  test(`a list that makes no sense is ignored: ${name}`, () =>
    assert.deepEqual(ownersOf(write(live(), withList([entry]))), { 'one Update': ['.count', '.name'] }))

test('a subresource has no say in the list', () => {
  const after = write(live(), withList([given({ 'f:name': {} })]), { subresource: 'status' })
  assert.deepEqual(ownersOf(after), { 'one Update': ['.count', '.name'] })
})

for (const list of [[], [{}]])
  test(`${JSON.stringify(list)} clears the list, and nobody is recorded from then on`, () => {
    const cleared = write(live(), withList(list, 2))
    assert.equal(listOf(cleared), undefined)
    assert.equal(listOf(write(cleared, { count: 3, name: 'x' })), undefined)
  })

test('the oldest updaters of a version become ancient-changes', () => {
  const names = ['labels', 'metadata', 'inner'] as const
  assert.ok(names.length > 0)
  let object = write(undefined, { labels: { k0: '0' } }, { manager: 'm0' })
  const labels: Record<string, string> = { k0: '0' }
  for (let i = 1; i < updateOwnersMax + 3; i++) {
    labels[`k${i}`] = String(i)
    const now = `2026-01-01T12:00:${String(i).padStart(2, '0')}Z`
    object = write(object, { labels: { ...labels } }, { manager: `m${i}`, now })
  }
  const owners = ownersOf(object)
  assert.equal(Object.keys(owners).length, updateOwnersMax)
  assert.deepEqual(owners['ancient-changes Update'], [
    '.labels',
    '.labels.k0',
    '.labels.k1',
    '.labels.k2',
    '.labels.k3',
  ])
  assert.equal(listOf(object)[0]?.['time'], '2026-01-01T12:00:03Z')
  assert.deepEqual(owners['m12 Update'], ['.labels.k12'])
})

test('nothing is lost where ancient-changes is not the oldest itself', () => {
  const names = ['a0', 'a1', 'ancient-changes', ...Array.from({ length: updateOwnersMax }, (_, i) => `b${i}`)]
  const managedFields = names.map((manager) => ({
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time: noon,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:labels': { [`f:${manager}`]: {} } },
  }))
  const labels = Object.fromEntries(names.map((name) => [name, 'x']))
  const live = write(undefined, { labels })
  const owners = ownersOf(write(live, { ...live, metadata: { managedFields } }))
  const owned = new Set(Object.values(owners).flat())
  for (const name of names) assert.ok(owned.has(`.labels.${name}`), name)
})

test('owners of the replicas are owners of the Scale’s, and back', () => {
  const path = ['f:count']
  const entries = listOf(
    write(write(undefined, { count: 1, name: 'x' }), { count: 2, name: 'x' }, { manager: 'hpa' }),
  )
  const scale = scaleEntriesOf(entries, path)
  assert.deepEqual(
    scale?.map(({ manager, apiVersion, fieldsV1 }) => [manager, apiVersion, fieldsV1]),
    [['hpa', 'autoscaling/v1', { 'f:spec': { 'f:replicas': {} } }]],
  )
  const unchanged = objectEntriesOf(entries, scale, { apiVersion: 'v1', path })
  assert.deepEqual(unchanged, entries)
  const taken = [{ ...scale?.[0], manager: 'me', operation: 'Apply', subresource: 'scale' }]
  const after = objectEntriesOf(entries, taken, { apiVersion: 'v1', path })
  assert.deepEqual(ownersOf({ metadata: { managedFields: after as never } }), {
    'me Apply/scale': ['.count'],
    'one Update': ['.name'],
  })
})
