import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { isEqual } from '../equal.ts'
import { deepFreeze } from '../freeze.ts'
import {
  canonicalElement,
  elementText,
  fieldElement,
  keyElement,
  sortElements,
  valueElement,
} from './element.ts'
import {
  decodeSet,
  difference,
  differenceBelow,
  hasPath,
  insertPath,
  intersection,
  isEmptySet,
  pathsOf,
  sortSet,
  union,
  type FieldSet,
  type GrowingSet,
} from './field-set.ts'
import { pathsIn } from './fixture.ts'

const setOf = (...paths: readonly (readonly string[])[]): FieldSet => {
  const set: GrowingSet = {}
  for (const path of paths) insertPath(set, path)
  return deepFreeze(set)
}

const step = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'v:1', 'v:"s"')
const path = fc.array(step, { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { maxLength: 12 })
/** The same set as a model: its paths as texts. */
const modelOf = (set: FieldSet): Set<string> => new Set(Array.from(pathsOf(set), (steps) => steps.join('|')))

test('a set says of each path whether it is in it, parents of members not being members', () => {
  const set = setOf(
    ['f:spec', 'f:replicas'],
    ['f:spec', 'f:template', 'f:metadata'],
    ['f:spec', 'f:template'],
  )
  assert.deepEqual(set, { 'f:spec': { 'f:replicas': {}, 'f:template': { '.': {}, 'f:metadata': {} } } })
  assert.equal(hasPath(set, ['f:spec']), false)
  assert.equal(hasPath(set, ['f:spec', 'f:template']), true)
  assert.equal(hasPath(set, ['f:spec', 'f:replicas']), true)
  assert.equal(hasPath(set, ['f:spec', 'f:replicas', 'f:x']), false)
  assert.equal(hasPath(set, []), false)
})

test('set algebra agrees with sets of paths', () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [setOf(...left), setOf(...right)]
      const [inA, inB] = [modelOf(a), modelOf(b)]
      assert.deepEqual(inA, new Set(left.map((steps) => steps.join('|'))))
      assert.deepEqual(modelOf(union(a, b)), inA.union(inB))
      assert.deepEqual(modelOf(intersection(a, b)), inA.intersection(inB))
      assert.deepEqual(modelOf(difference(a, b)), inA.difference(inB))
      const below = [...inA].filter(
        (one) => ![...inB].some((two) => one === two || one.startsWith(`${two}|`)),
      )
      assert.deepEqual(modelOf(differenceBelow(a, b)), new Set(below))
      for (const result of [union(a, b), intersection(a, b), difference(a, b)])
        assert.deepEqual(result, setOf(...pathsOf(result)), 'no node stands for nothing')
    }),
    { numRuns: 1_000 },
  )
})

test('what changes nothing yields the very same set', () => {
  const set = setOf(['f:a', 'f:b'], ['f:c'])
  assert.equal(union(set, setOf(['f:c'])), set)
  assert.equal(union(set, {}), set)
  assert.equal(difference(set, setOf(['f:a'])), set)
  assert.equal(sortSet(set), set)
  assert.ok(isEmptySet(difference(set, set)))
})

test('a document comes out in upstream order: members and children by kind, name and value', () => {
  const set = setOf(
    ['f:z'],
    ['f:items', 'k:{"port":443}'],
    ['f:items', 'k:{"port":80}'],
    ['f:items', 'k:{"name":"b"}'],
    ['f:items', 'k:{"name":"a b"}'],
    ['f:items', 'k:{"name":"a"}', 'f:x'],
    ['f:items', 'v:"x"'],
    ['f:items', 'v:10'],
    ['f:items', 'v:9'],
    ['f:items', 'i:10'],
    ['f:items', 'i:9'],
    ['f:items', 'f:y'],
    ['f:items'],
  )
  assert.equal(
    JSON.stringify(sortSet(set)),
    JSON.stringify({
      'f:items': {
        '.': {},
        'f:y': {},
        'k:{"name":"a"}': { 'f:x': {} },
        'k:{"name":"a b"}': {},
        'k:{"name":"b"}': {},
        'k:{"port":80}': {},
        'k:{"port":443}': {},
        'v:9': {},
        'v:10': {},
        'v:"x"': {},
        'i:9': {},
        'i:10': {},
      },
      'f:z': {},
    }),
  )
  assert.deepEqual(pathsIn(set).slice(0, 3), ['.items', '.z', '.items.y'])
})

test('field names sort by code point, as bytes of UTF-8 do', () => {
  assert.deepEqual(sortElements(['f:\u{1f600}', 'f:\uff5e', 'f:a']), ['f:a', 'f:\uff5e', 'f:\u{1f600}'])
})

test('a set survives the wire, whatever the order it arrives in', () => {
  fc.assert(
    fc.property(paths, (list) => {
      const set = setOf(...list)
      const sent = JSON.parse(JSON.stringify(sortSet(set))) as unknown
      assert.ok(isEqual(decodeSet(sent), set))
      const shuffled = setOf(...list.toReversed())
      assert.equal(JSON.stringify(sortSet(shuffled)), JSON.stringify(sent))
    }),
  )
})

const decoded = [
  { name: 'nothing', from: undefined, to: {} },
  { name: 'the mark of the root', from: { '.': {} }, to: {} },
  { name: 'a null node', from: { 'f:a': null }, to: { 'f:a': {} } },
  { name: 'a mark alone', from: { 'f:a': { '.': {} } }, to: { 'f:a': {} } },
  { name: 'a kind of step from the future', from: { 'f:a': { 'z:1': {} }, 'y:2': {} }, to: { 'f:a': {} } },
  { name: 'keys out of order', from: { 'k:{"b":1,"a":"x"}': {} }, to: { 'k:{"a":"x","b":1}': {} } },
  { name: 'blanks in a key', from: { 'k:{ "a" : 1.0 }': {} }, to: { 'k:{"a":1}': {} } },
  { name: 'a name of the prototype', from: { 'f:__proto__': {} }, to: { 'f:__proto__': {} } },
]
for (const { name, from, to } of decoded)
  test(`decoding: ${name}`, () => assert.deepEqual(decodeSet(from), to))

const refused = [
  { from: [], says: /has \[\] for an object/ },
  { from: { 'f:a': 3 }, says: /has 3 for an object/ },
  { from: { f: {} }, says: /key must be 2 characters long/ },
  { from: { foo: {} }, says: /missing colon: foo/ },
  { from: { 'v:{': {} }, says: /is not JSON/ },
  { from: { 'k:[1]': {} }, says: /no object of key fields/ },
  { from: { 'i:x': {} }, says: /has no index/ },
  { from: JSON.parse(`${'{"f:a":'.repeat(300)}{}${'}'.repeat(300)}`) as unknown, says: /nests deeper/ },
]
for (const { from, says } of refused)
  test(`decoding refuses ${JSON.stringify(from).slice(0, 20)}`, () =>
    assert.throws(() => decodeSet(from), says))

test('steps are written as Go writes them', () => {
  assert.equal(valueElement('a<b>&c'), 'v:"a\\u003cb\\u003e\\u0026c"')
  assert.equal(keyElement([['ip', '::1']]), 'k:{"ip":"::1"}')
  assert.equal(canonicalElement('v:"a<b"'), 'v:"a\\u003cb"')
  assert.equal(elementText(fieldElement('spec')), '.spec')
  assert.equal(elementText('k:{"containerPort":80,"protocol":"TCP"}'), '[containerPort=80,protocol="TCP"]')
  assert.equal(elementText('v:"x"'), '[="x"]')
  assert.equal(elementText('v:true'), '[=true]')
  assert.equal(elementText('i:3'), '[3]')
})
