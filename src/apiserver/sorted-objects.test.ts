import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resources } from '../api/table.ts'
import { fc } from '../base/fast-check.ts'
import { CachedObject } from './cached-object.ts'
import { configMap } from './fixture.ts'
import { SortedObjects } from './sorted-objects.ts'
import { encodeStored } from './wire.ts'

const def = resources.find(({ plural }) => plural === 'configmaps')
assert.ok(def)

const stored = encodeStored(configMap('any', {}))
const keyOf = (name: string) => `/registry/core/configmaps/default/${name}`
const object = (name: string, revision: number) => new CachedObject(def, keyOf(name), stored, revision)
const shown = (objects: readonly CachedObject[]) => objects.map(({ name, revision }) => `${name}${revision}`)

test('objects stay in key order through inserts, replacements and removals', () => {
  const objects = new SortedObjects([object('b', 1), object('d', 2)])
  for (const [name, revision] of [
    ['a', 3],
    ['c', 4],
    ['e', 5],
    ['c', 6],
  ] as const)
    objects.put(object(name, revision))
  objects.remove(keyOf('d'))
  objects.remove(keyOf('x'))
  const names = (prefix: string, after?: string) => shown(objects.range(prefix, after))
  assert.deepEqual(names('/registry/core/configmaps/'), ['a3', 'b1', 'c6', 'e5'])
  assert.deepEqual(names('/registry/core/configmaps/default/', keyOf('b')), ['c6', 'e5'])
  assert.deepEqual(names('/registry/core/configmaps/default/', keyOf('z')), [])
  assert.deepEqual(names('/registry/core/configmaps/defaul/'), [])
  assert.equal(objects.find(keyOf('c'))?.revision, 6)
  assert.equal(objects.size, 4)
})

test('thousands of objects in many pieces are what a sorted list of them is', () => {
  const name = fc.integer({ min: 0, max: 9_999 }).map((n) => String(n).padStart(4, '0'))
  const names = fc.uniqueArray(name, { minLength: 2_000, maxLength: 4_000 })
  const prefixes = fc.array(fc.tuple(fc.stringMatching(/^\d{0,3}$/), name), { minLength: 20, maxLength: 20 })
  fc.assert(
    fc.property(names, names, names, prefixes, (first, put, removed, asked) => {
      const known = new Map(first.map((each) => [keyOf(each), object(each, 1)]))
      const inOrder = () => [...known.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
      const objects = new SortedObjects(inOrder())
      for (const each of put) {
        const changed = object(each, 2)
        known.set(changed.key, changed)
        objects.put(changed)
      }
      for (const each of removed) {
        known.delete(keyOf(each))
        objects.remove(keyOf(each))
      }
      const expected = inOrder()
      assert.equal(objects.size, expected.length)
      assert.deepEqual(shown(objects.range('/registry/')), shown(expected))
      for (const [start, after] of asked) {
        const found = expected.filter(({ key }) => key.startsWith(keyOf(start)))
        assert.deepEqual(shown(objects.range(keyOf(start))), shown(found))
        const rest = found.filter(({ key }) => key > keyOf(after))
        assert.deepEqual(shown(objects.range(keyOf(start), keyOf(after))), shown(rest))
        assert.equal(objects.find(keyOf(after)), known.get(keyOf(after)))
      }
      for (const { key } of expected) objects.remove(key)
      assert.deepEqual(objects.range('/registry/'), [])
      objects.put(object('alone', 3))
      assert.deepEqual(shown(objects.range('/registry/')), ['alone3'])
    }),
    { numRuns: 10 },
  )
})
