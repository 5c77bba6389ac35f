/** The walks over a value beside its schema: fields, comparison, merge, removal, type errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepFreeze } from '../freeze.ts'
import type { JsonObject } from '../json.ts'
import { typeNamed } from '../schema/schema.ts'
import { compare } from './compare.ts'
import { fieldsOf } from './fields-of.ts'
import { pathsIn, widgetSchema } from './fixture.ts'
import { merge } from './merge.ts'
import { removeFields, withAtomicWholes, withNamedParents } from './remove-fields.ts'
import { typeErrors, typeErrorsText } from './type-errors.ts'

interface FieldsRow {
  readonly name: string
  readonly object: JsonObject
  readonly paths: readonly string[]
}

const fieldsRows: readonly FieldsRow[] = [
  { name: 'scalars', object: { name: 'x', count: 1, isOn: false }, paths: ['.count', '.isOn', '.name'] },
  {
    name: 'named structs only by what is in them',
    object: { inner: { deeper: { y: '' } } },
    paths: ['.inner.deeper.y'],
  },
  { name: 'an empty struct', object: { inner: { deeper: {} } }, paths: ['.inner.deeper'] },
  { name: 'a null', object: { inner: null, count: null, tags: null }, paths: ['.count', '.inner', '.tags'] },
  { name: 'keys of a map', object: { labels: { a: '1', b: '2' } }, paths: ['.labels.a', '.labels.b'] },
  { name: 'an empty map', object: { labels: {} }, paths: ['.labels'] },
  {
    name: 'an atomic map, list and struct',
    object: { frozen: { a: '1' }, whole: [], atom: { x: '' } },
    paths: ['.atom', '.frozen', '.whole'],
  },
  { name: 'items of a set', object: { tags: ['b', 'a'] }, paths: ['.tags[="a"]', '.tags[="b"]'] },
  { name: 'an empty set is nobody’s', object: { tags: [] }, paths: [] },
  {
    name: 'items by key, and what is in them',
    object: { items: [{ key: 'k', sub: { x: '1' } }] },
    paths: ['.items[key="k"]', '.items[key="k"].key', '.items[key="k"].sub.x'],
  },
  {
    name: 'a key that its schema defaults',
    object: { ports: [{ port: 80 }] },
    paths: ['.ports[port=80,protocol="TCP"]', '.ports[port=80,protocol="TCP"].port'],
  },
  {
    name: 'items that can’t be told apart, as one',
    object: {
      items: [
        { key: 'k', a: '1' },
        { key: 'k', a: '2' },
      ],
    },
    paths: ['.items[key="k"]'],
  },
  {
    name: 'values without a schema as they look',
    object: { free: { a: { b: [1, { c: 1 }] } }, loose: { other: { x: 1 } } },
    paths: ['.free.a', '.free.a.b', '.loose.other', '.loose.other.x'],
  },
]
for (const { name, object, paths } of fieldsRows)
  test(`fields: ${name}`, () => assert.deepEqual(pathsIn(fieldsOf(deepFreeze(object), widgetSchema)), paths))

interface CompareRow {
  readonly name: string
  readonly old: JsonObject
  readonly next: JsonObject
  readonly added?: readonly string[]
  readonly modified?: readonly string[]
  readonly removed?: readonly string[]
}

const compareRows: readonly CompareRow[] = [
  {
    name: 'equal objects',
    old: { name: 'x', items: [{ key: 'k' }] },
    next: { items: [{ key: 'k' }], name: 'x' },
  },
  {
    name: 'a scalar',
    old: { count: 1, name: 'x' },
    next: { count: 2, isOn: true },
    added: ['.isOn'],
    modified: ['.count'],
    removed: ['.name'],
  },
  { name: 'null is as good as nothing', old: { count: null }, next: { inner: null } },
  { name: 'a new map, with itself', old: {}, next: { labels: { a: '1' } }, added: ['.labels', '.labels.a'] },
  { name: 'a new key of a map', old: { labels: {} }, next: { labels: { a: '1' } }, added: ['.labels.a'] },
  { name: 'a map that goes', old: { labels: { a: '1' } }, next: {}, removed: ['.labels', '.labels.a'] },
  { name: 'an atomic list', old: { whole: ['a'] }, next: { whole: ['b', 'a'] }, modified: ['.whole'] },
  {
    name: 'items of a set; order means nothing',
    old: { tags: ['a', 'b'] },
    next: { tags: ['c', 'a'] },
    added: ['.tags[="c"]'],
    removed: ['.tags[="b"]'],
  },
  {
    name: 'an item by key',
    old: { items: [{ key: 'a', a: '1' }, { key: 'b' }] },
    next: { items: [{ key: 'c' }, { key: 'a', a: '2', b: 1 }] },
    added: ['.items[key="c"]', '.items[key="a"].b', '.items[key="c"].key'],
    modified: ['.items[key="a"].a'],
    removed: ['.items[key="b"]', '.items[key="b"].key'],
  },
  { name: 'empty and absent differ', old: {}, next: { labels: {}, tags: [] }, added: ['.labels', '.tags'] },
  {
    name: 'an item that becomes two',
    old: { items: [{ key: 'k', a: '1' }] },
    next: {
      items: [
        { key: 'k', a: '1' },
        { key: 'k', a: '2' },
      ],
    },
    added: ['.items[key="k"]'],
    removed: ['.items[key="k"]', '.items[key="k"].a', '.items[key="k"].key'],
  },
  {
    name: 'another shape without a schema',
    old: { free: { a: { b: 1 } } },
    next: { free: { a: [1] } },
    modified: ['.free.a'],
    removed: ['.free.a.b'],
  },
]
for (const { name, old, next, added = [], modified = [], removed = [] } of compareRows)
  test(`comparing: ${name}`, () => {
    const changes = compare(deepFreeze(old), deepFreeze(next), widgetSchema)
    assert.deepEqual(
      {
        added: pathsIn(changes.added),
        modified: pathsIn(changes.modified),
        removed: pathsIn(changes.removed),
      },
      { added, modified, removed },
    )
  })

test('a struct that Go can’t leave out is nobody’s by its first field; one it can is', () => {
  const changes = compare(
    { metadata: {} },
    {
      metadata: {},
      spec: {
        strategy: { rollingUpdate: { maxSurge: 1 } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', resources: {} }] } },
      },
    },
    typeNamed('apps.v1.Deployment'),
  )
  assert.deepEqual(pathsIn(changes.added).toSorted(), [
    '.spec.strategy.rollingUpdate',
    '.spec.strategy.rollingUpdate.maxSurge',
    '.spec.template.metadata.labels',
    '.spec.template.metadata.labels.a',
    '.spec.template.spec.containers[name="c"]',
    '.spec.template.spec.containers[name="c"].name',
    '.spec.template.spec.containers[name="c"].resources',
  ])
})

interface MergeRow {
  readonly name: string
  readonly live: JsonObject
  readonly applied: JsonObject
  readonly merged: JsonObject
}

const keysOf = (keys: string): JsonObject => ({ items: Array.from(keys, (key) => ({ key })) })
const order = (live: string, applied: string, merged: string): MergeRow => ({
  name: `${live} with ${applied} is ${merged}`,
  live: keysOf(live),
  applied: keysOf(applied),
  merged: keysOf(merged),
})

const mergeRows: readonly MergeRow[] = [
  { name: 'scalars', live: { name: 'x', count: 1 }, applied: { count: 2 }, merged: { name: 'x', count: 2 } },
  {
    name: 'maps by key',
    live: { labels: { a: '1', b: '2' } },
    applied: { labels: { b: '3' } },
    merged: { labels: { a: '1', b: '3' } },
  },
  {
    name: 'atomic maps as a whole',
    live: { frozen: { a: '1' } },
    applied: { frozen: { b: '1' } },
    merged: { frozen: { b: '1' } },
  },
  {
    name: 'atomic lists as a whole',
    live: { whole: ['a'] },
    applied: { whole: ['b'] },
    merged: { whole: ['b'] },
  },
  {
    name: 'sets',
    live: { tags: ['a', 'b'] },
    applied: { tags: ['c', 'a'] },
    merged: { tags: ['c', 'a', 'b'] },
  },
  {
    name: 'null wins over a scalar, not over fields',
    live: { count: 1, labels: { a: '1' } },
    applied: { count: null, labels: null },
    merged: { count: null, labels: { a: '1' } },
  },
  {
    name: 'items by key',
    live: {
      ports: [
        { port: 80, protocol: 'TCP', name: 'web' },
        { port: 53, protocol: 'UDP' },
      ],
    },
    applied: { ports: [{ port: 80 }, { port: 53, protocol: 'TCP' }] },
    merged: {
      ports: [
        { port: 80, protocol: 'TCP', name: 'web' },
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    },
  },
  {
    name: 'live twins are replaced by the item that is applied',
    live: { items: [{ key: 'k', a: '1' }, { key: 'k', a: '2' }, { key: 'z' }] },
    applied: { items: [{ key: 'k', b: 1 }] },
    merged: { items: [{ key: 'k', b: 1 }, { key: 'z' }] },
  },
  {
    name: 'a field called __proto__',
    live: { labels: { a: '1' } },
    applied: JSON.parse('{"labels":{"__proto__":"x"}}') as JsonObject,
    merged: JSON.parse('{"labels":{"a":"1","__proto__":"x"}}') as JsonObject,
  },
  order('abc', '', 'abc'),
  order('', 'abc', 'abc'),
  order('abc', 'abc', 'abc'),
  order('abc', 'cba', 'cba'),
  order('abc', 'd', 'abcd'),
  order('abc', 'bd', 'abcd'),
  order('abc', 'ca', 'bca'),
  order('abcd', 'db', 'acdb'),
  order('ac', 'abc', 'abc'),
  order('xay', 'na', 'xnay'),
]
for (const { name, live, applied, merged } of mergeRows)
  test(`merging: ${name}`, () =>
    assert.deepEqual(merge(deepFreeze(live), deepFreeze(applied), widgetSchema), merged))

test('removal takes members with all that is in them, and leaves null where nothing is left', () => {
  const object = deepFreeze({
    name: 'x',
    labels: { a: '1' },
    whole: ['a'],
    items: [{ key: 'a', a: '1', sub: { x: '1' } }, { key: 'b' }],
    tags: ['a', 'b'],
  })
  const set = fieldsOf({ labels: { a: '1' }, items: [{ key: 'b' }], tags: ['a'], whole: [] }, widgetSchema)
  const { 'f:items': _, ...rest } = set
  const partly = { 'f:items': { 'k:{"key":"a"}': { 'f:sub': { 'f:x': {} } } } }
  assert.deepEqual(removeFields(object, set, widgetSchema), {
    name: 'x',
    labels: null,
    items: [{ key: 'a', a: '1', sub: { x: '1' } }],
    tags: ['b'],
  })
  assert.deepEqual(removeFields(object, { ...rest, ...partly }, widgetSchema)['items'], [
    { key: 'a', a: '1', sub: null },
    { key: 'b' },
  ])
  assert.equal(removeFields(object, {}, widgetSchema), object)
})

test('named parents join a set, keys and items don’t; atomic parts become wholes', () => {
  const set = fieldsOf({ labels: { a: '1' }, items: [{ key: 'k', sub: { x: '1' } }] }, widgetSchema)
  assert.deepEqual(pathsIn(withNamedParents(set, widgetSchema)), [
    '.items',
    '.labels',
    '.items[key="k"]',
    '.items[key="k"].key',
    '.items[key="k"].sub',
    '.items[key="k"].sub.x',
    '.labels.a',
  ])
  const old = {
    'f:atom': { 'f:x': {} },
    'f:frozen': { '.': {}, 'f:a': {} },
    'f:whole': { 'v:1': {} },
    'f:name': {},
  }
  assert.deepEqual(pathsIn(withAtomicWholes(old, widgetSchema)), ['.atom', '.frozen', '.name', '.whole'])
  assert.equal(withAtomicWholes(set, widgetSchema), set)
})

const typeRows: readonly { readonly object: JsonObject; readonly says: string }[] = [
  { object: { name: 'x', count: 1, free: [{}], loose: { other: 1 } }, says: '' },
  { object: { nothing: 1 }, says: '.nothing: field not declared in schema' },
  { object: { name: 1 }, says: '.name: expected string, got &value.valueUnstructured{Value:1}' },
  { object: { count: 'x' }, says: '.count: expected numeric (int or float), got string' },
  { object: { isOn: 'x' }, says: '.isOn: expected boolean, got &{x}' },
  { object: { labels: 'x' }, says: '.labels: expected map, got &{x}' },
  { object: { tags: 'x' }, says: '.tags: expected list, got &{x}' },
  { object: { tags: ['a', 'a'] }, says: '.tags: duplicate entries for key [="a"]' },
  {
    object: { tags: [null] },
    says: ".tags: element 0: associative list without keys has an element that's an explicit null",
  },
  {
    object: { items: [null] },
    says: '.items: element 0: associative list with keys may not have a null element',
  },
  {
    object: { items: ['x'] },
    says: '.items: element 0: associative list with keys may not have non-map elements',
  },
  {
    object: { items: [{ key: 'a' }, { a: 'x' }] },
    says: `.items: element 1: associative list with keys has an element that omits all key fields ["key"] (and doesn't have default values for any key fields)`,
  },
  {
    object: { ports: [{ port: 80 }, { port: 80, protocol: 'TCP' }] },
    says: '.ports: duplicate entries for key [port=80,protocol="TCP"]',
  },
  { object: { whole: [1] }, says: '.whole[0]: expected string, got &value.valueUnstructured{Value:1}' },
  {
    object: { items: [{ key: 'k', nope: 1 }], nope: 1 },
    says: 'errors:\n  .items[key="k"].nope: field not declared in schema\n  .nope: field not declared in schema',
  },
]
for (const { object, says } of typeRows)
  test(`type errors: ${says === '' ? 'none' : says.slice(0, 60)}`, () => {
    const errors = typeErrors(deepFreeze(object), widgetSchema)
    assert.equal(errors.length === 0 ? '' : typeErrorsText(errors), says)
  })
