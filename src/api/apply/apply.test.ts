import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze } from '../freeze.ts'
import type { JsonObject } from '../json.ts'
import { decode } from '../schema/decode.ts'
import { typeNamed } from '../schema/schema.ts'
import { StatusError } from '../status.ts'
import { applyConfiguration } from './apply.ts'
import { managedFieldsOf } from './field-writer.ts'
import { bodyOf, ownersOf, widgetSchema } from './fixture.ts'
import { recordUpdate } from './record-update.ts'

const kinds = { apiVersion: 'example.com/v1', kind: 'Widget' }
const nobody: JsonObject = { ...kinds, metadata: {} }
const noon = '2026-01-01T12:00:00Z'

interface Options {
  readonly manager?: string
  readonly force?: boolean
  readonly subresource?: string
  readonly now?: string
}

const writer = ({ manager = 'one', now = noon, subresource = '' }: Options) => ({
  manager,
  subresource,
  now,
  apiVersion: kinds.apiVersion,
  schema: widgetSchema,
  resetFields: {},
})

const apply = (live: JsonObject, config: JsonObject, options: Options = {}): JsonObject =>
  deepFreeze(
    applyConfiguration(deepFreeze(live), deepFreeze({ ...kinds, ...config }), {
      ...writer(options),
      kind: kinds.kind,
      force: options.force ?? false,
    }),
  )

/** A write that is no apply. */
const update = (live: JsonObject, body: JsonObject, options: Options = {}): JsonObject => {
  const wished = { ...kinds, metadata: {}, ...body }
  const managedFields = recordUpdate(
    deepFreeze(live),
    deepFreeze(wished),
    writer({ manager: 'updater', ...options }),
  )
  return {
    ...wished,
    metadata: { ...(wished.metadata as JsonObject), ...(managedFields && { managedFields }) },
  } as JsonObject
}

const refusal = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return `${error.status.code} ${error.status.reason}: ${error.status.message}`
  }
  return 'no refusal'
}

test('an applier owns exactly what it speaks of, and what the system says about an object is nobody’s', () => {
  const config = {
    metadata: { name: 'w', namespace: 'n', labels: { a: '1' } },
    count: 1,
    items: [{ key: 'k' }],
  }
  const object = apply(nobody, config)
  assert.deepEqual(bodyOf(object), config)
  assert.deepEqual(ownersOf(object), {
    'one Apply': ['.count', '.items[key="k"]', '.items[key="k"].key', '.metadata.labels.a'],
  })
  assert.deepEqual(managedFieldsOf(object), [
    {
      manager: 'one',
      operation: 'Apply',
      apiVersion: 'example.com/v1',
      time: noon,
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:count': {},
        'f:items': { 'k:{"key":"k"}': { '.': {}, 'f:key': {} } },
        'f:metadata': { 'f:labels': { 'f:a': {} } },
      },
    },
  ])
})

test('the same again changes nothing, not even a time', () => {
  const config = { count: 1, labels: { a: '1' }, tags: ['a'] }
  const object = apply(nobody, config)
  assert.deepEqual(apply(object, config, { now: '2027-01-01T00:00:00Z' }), object)
})

test('a change moves the time of the applier alone', () => {
  const both = apply(apply(nobody, { count: 1 }), { name: 'x' }, { manager: 'two' })
  const after = apply(both, { count: 2 }, { now: '2027-01-01T00:00:00Z' })
  const times = (managedFieldsOf(after) ?? []).map((entry) => (entry as JsonObject)['time'])
  assert.deepEqual(times, [noon, '2027-01-01T00:00:00Z'])
})

interface DropRow {
  readonly name: string
  readonly first: JsonObject
  readonly second: JsonObject
  /** What the others do in between. */
  readonly between?: (live: JsonObject) => JsonObject
  readonly left: JsonObject
}

const dropRows: readonly DropRow[] = [
  { name: 'a scalar', first: { count: 1, name: 'x' }, second: { name: 'x' }, left: { name: 'x' } },
  {
    name: 'a key of a map',
    first: { labels: { a: '1', b: '2' } },
    second: { labels: { b: '2' } },
    left: { labels: { b: '2' } },
  },
  { name: 'the last key of a map, with the map', first: { labels: { a: '1' } }, second: {}, left: {} },
  {
    name: 'an item with all in it',
    first: { items: [{ key: 'a', a: '1' }, { key: 'b' }] },
    second: { items: [{ key: 'b' }] },
    left: { items: [{ key: 'b' }] },
  },
  {
    name: 'a field of an item',
    first: { items: [{ key: 'a', a: '1' }] },
    second: { items: [{ key: 'a' }] },
    left: { items: [{ key: 'a' }] },
  },
  { name: 'an item of a set', first: { tags: ['a', 'b'] }, second: { tags: ['b'] }, left: { tags: ['b'] } },
  { name: 'an atomic whole', first: { whole: ['a'], atom: { x: '1' } }, second: {}, left: {} },
  {
    name: 'a nested struct',
    first: { inner: { deeper: { y: '1' } }, name: 'x' },
    second: { name: 'x' },
    left: { name: 'x' },
  },
  {
    name: 'but not what another applier owns too',
    first: { count: 1, labels: { a: '1' } },
    between: (live) => apply(live, { count: 1 }, { manager: 'two' }),
    second: {},
    left: { count: 1 },
  },
  {
    name: 'but not what an updater has changed since',
    first: { count: 1, name: 'x' },
    between: (live) => update(live, { count: 5, name: 'x' }),
    second: { name: 'x' },
    left: { count: 5, name: 'x' },
  },
  {
    name: 'an item with what an updater put into it',
    first: { items: [{ key: 'a', a: '1' }] },
    between: (live) => update(live, { items: [{ key: 'a', a: '1', b: 7 }] }),
    second: {},
    left: {},
  },
  {
    name: 'but not an item that another applier gave too',
    first: { items: [{ key: 'a', a: '1' }] },
    between: (live) => apply(live, { items: [{ key: 'a', b: 7 }] }, { manager: 'two' }),
    second: {},
    left: { items: [{ key: 'a', b: 7 }] },
  },
  {
    name: 'but not keys of others in the same map',
    first: { labels: { a: '1' } },
    between: (live) => update(live, { labels: { a: '1', b: '2' } }),
    second: {},
    left: { labels: { b: '2' } },
  },
]
for (const { name, first, between = (live: JsonObject) => live, second, left } of dropRows)
  test(`what is dropped goes: ${name}`, () =>
    assert.deepEqual(bodyOf(apply(between(apply(nobody, first)), second)), left))

test('a conflict names the field and its owner', () => {
  const updated = update(apply(nobody, { count: 1 }), { count: 2 }, { manager: 'hpa' })
  assert.equal(
    refusal(() => apply(updated, { count: 3 })),
    '409 Conflict: Apply failed with 1 conflict: conflict with "hpa" using example.com/v1: .count',
  )
  const applied = apply(nobody, { count: 1 }, { manager: 'x"y' })
  assert.equal(
    refusal(() => apply(applied, { count: 3 })),
    '409 Conflict: Apply failed with 1 conflict: conflict with "x\\"y": .count',
  )
  const scaled = update(apply(nobody, { count: 1 }), { count: 2 }, { manager: 'hpa', subresource: 'scale' })
  assert.match(
    refusal(() => apply(scaled, { count: 3 })),
    /conflict with "hpa" with subresource "scale" using example.com\/v1: .count$/,
  )
})

test('several conflicts are listed by owner; each is a cause', () => {
  const live = apply(
    apply(nobody, { count: 1, items: [{ key: 'k', a: '1' }] }, { manager: 'zed' }),
    { labels: { a: '1' } },
    { manager: 'abe' },
  )
  const act = () =>
    apply(live, { count: 2, items: [{ key: 'k', a: '2' }], labels: { a: '2' } }, { manager: 'me' })
  assert.equal(
    refusal(act),
    '409 Conflict: Apply failed with 3 conflicts: conflicts with "abe":\n- .labels.a\nconflicts with "zed":\n- .count\n- .items[key="k"].a',
  )
  assert.throws(act, (error: StatusError) => {
    assert.deepEqual(error.status.details?.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "abe"', field: '.labels.a' },
      { reason: 'FieldManagerConflict', message: 'conflict with "zed"', field: '.count' },
      { reason: 'FieldManagerConflict', message: 'conflict with "zed"', field: '.items[key="k"].a' },
    ])
    return true
  })
})

test('two appliers of the same empty map do not conflict over what is never stored', () => {
  const configMap = typeNamed('core.v1.ConfigMap')
  const live = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }
  const applyTo = (to: JsonObject, manager: string, config: JsonObject): JsonObject => {
    const writer = { manager, subresource: '', now: noon, apiVersion: 'v1', resetFields: {}, force: false }
    const wish = { apiVersion: 'v1', kind: 'ConfigMap', ...config }
    const applied = applyConfiguration(to, wish, { ...writer, kind: 'ConfigMap', schema: configMap })
    return decode(applied, configMap, { unknown: 'drop', omitEmpty: true }).object as JsonObject
  }
  const empty = { data: { a: '1' }, binaryData: {} }
  const both = applyTo(applyTo(live, 'one', empty), 'two', empty)
  assert.deepEqual(ownersOf(both), {
    'one Apply': ['.binaryData', '.data.a'],
    'two Apply': ['.binaryData', '.data.a'],
  })
  assert.equal(
    refusal(() => applyTo(both, 'one', empty)),
    'no refusal',
  )
  assert.match(
    refusal(() => applyTo(both, 'one', { ...empty, data: { a: '2' } })),
    /1 conflict.*"two": .data.a$/,
  )
})

test('force takes the fields; equal values are owned together without it', () => {
  const live = apply(nobody, { count: 1, name: 'x' })
  const forced = apply(live, { count: 2, name: 'x' }, { manager: 'two', force: true })
  assert.deepEqual(bodyOf(forced), { count: 2, name: 'x' })
  assert.deepEqual(ownersOf(forced), { 'one Apply': ['.name'], 'two Apply': ['.count', '.name'] })
})

test('an owner of whom everything was taken is forgotten, and so is one that applies nothing', () => {
  const live = apply(nobody, { count: 1 })
  assert.deepEqual(ownersOf(apply(live, { count: 2 }, { manager: 'two', force: true })), {
    'two Apply': ['.count'],
  })
  const empty = apply(live, {})
  assert.deepEqual([bodyOf(empty), managedFieldsOf(empty)], [{}, undefined])
})

test('what an object without owners holds is before-first-apply’s', () => {
  const live = { ...kinds, metadata: { name: 'w' }, count: 1, name: 'x' }
  const object = apply(live, { name: 'x', isOn: true })
  assert.deepEqual(ownersOf(object), {
    'one Apply': ['.isOn', '.name'],
    'before-first-apply Update': ['.count', '.name'],
  })
  assert.match(
    refusal(() => apply(live, { count: 2 })),
    /conflict with "before-first-apply" using example.com\/v1: .count/,
  )
})

const kubectl = { manager: 'kubectl' }
const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
const lastApplied = (config: JsonObject) => JSON.stringify({ ...kinds, ...config })

test('kubectl takes over without conflict what it applied from the client side, and keeps its annotation', () => {
  const before = {
    metadata: { annotations: { [annotation]: lastApplied({ count: 1, name: 'x' }) } },
    count: 1,
    name: 'y',
  }
  const live = update(nobody, before, { manager: 'kubectl-client-side-apply' })
  const created = {
    ...live,
    metadata: {
      ...(live['metadata'] as JsonObject),
      managedFields: recordUpdate(undefined, live, writer({ manager: 'kubectl-client-side-apply' })) as never,
    },
  }
  const object = apply(created, { count: 2, name: 'y' }, kubectl)
  assert.deepEqual(object['count'], 2)
  const text = ((object['metadata'] as JsonObject)['annotations'] as JsonObject)[annotation]
  assert.equal(
    text,
    `${JSON.stringify({ apiVersion: 'example.com/v1', count: 2, kind: 'Widget', name: 'y' })}\n`,
  )
  assert.match(
    refusal(() => apply(created, { count: 2, name: 'z' }, kubectl)),
    /1 conflict: conflict with "kubectl-client-side-apply" using example.com\/v1: .name$/,
    'somebody has changed the name since',
  )
  assert.match(
    refusal(() => apply(created, { count: 2 }, { manager: 'other' })),
    /\.count$/,
  )
})

const refusals = [
  { config: { metadata: { managedFields: [] } }, says: '400 BadRequest: metadata.managedFields must be nil' },
  { config: { kind: 'Other' }, says: '400 BadRequest: invalid object type: example.com/v1, Kind=Other' },
  { config: { apiVersion: 'v1' }, says: '400 BadRequest: invalid object type: /v1, Kind=Widget' },
  {
    config: { metadata: { name: 'w', namespace: 'n' }, tags: ['a', 'a'] },
    says: '400 BadRequest: failed to create typed patch object (n/w; example.com/v1, Kind=Widget): .tags: duplicate entries for key [="a"]',
  },
]
for (const { config, says } of refusals)
  test(`refused: ${says}`, () =>
    assert.equal(
      refusal(() => apply(nobody, config)),
      says,
    ))

test('two appliers share a container by its parts', () => {
  const deployment = typeNamed('apps.v1.Deployment')
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  const container = (parts: JsonObject): JsonObject => ({
    ...kind,
    spec: { template: { spec: { containers: [{ name: 'main', ...parts }] } } },
  })
  const run = (live: JsonObject, config: JsonObject, manager: string) =>
    applyConfiguration(live, config, { ...writer({ manager }), ...kind, schema: deployment, force: false })
  const env = (name: string) =>
    container({ env: [{ name, value: '1' }], ports: [{ containerPort: name.length }] })
  const both = run(run({ ...kind, metadata: {} }, env('A'), 'one'), env('BB'), 'two')
  const one = run(both, container({}), 'one')
  assert.deepEqual(bodyOf(one), {
    spec: {
      template: {
        spec: {
          containers: [{ name: 'main', env: [{ name: 'BB', value: '1' }], ports: [{ containerPort: 2 }] }],
        },
      },
    },
  })
})
