import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { isEqual } from '../equal.ts'
import { deepFreeze } from '../freeze.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isBadRequest } from '../status.ts'
import { applyMergePatch, createMergePatch } from './merge-patch.ts'

// The cases of RFC 7386, appendix A, whose original and patch are objects.
const rows: readonly (readonly [JsonObject, JsonObject, JsonObject])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

describe('a merge patch', () => {
  for (const [original, patch, result] of rows) {
    test(`${JSON.stringify(original)} with ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(applyMergePatch(deepFreeze(original), deepFreeze(patch)), result)
    })
  }

  test('one that changes nothing returns the original itself', () => {
    const original = deepFreeze({ a: { b: [1, { c: 2 }] }, d: 1 })
    for (const patch of [{}, { a: {} }, { a: { b: [1, { c: 2 }] } }, { x: null, a: { y: null } }, { d: 1 }]) {
      assert.equal(applyMergePatch(original, patch), original)
    }
  })

  test('names like those of Object.prototype are plain fields', () => {
    const patch: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"x":1}}')
    const merged = applyMergePatch({}, patch as JsonObject)
    assert.equal('polluted' in {}, false)
    assert.equal(Object.getPrototypeOf(merged), Object.prototype)
    assert.equal(JSON.stringify(merged), JSON.stringify(patch))
    assert.equal(
      JSON.stringify(applyMergePatch(merged, JSON.parse('{"__proto__":null}'))),
      '{"constructor":{"x":1}}',
    )
  })

  test('is refused unless it is an object of sane depth', () => {
    for (const patch of [[], null, 'x', 1]) assert.throws(() => applyMergePatch({}, patch), isBadRequest)
    let deep: JsonValue = 1
    for (let i = 0; i < 100_000; i++) deep = { a: deep }
    assert.throws(() => applyMergePatch({}, deep), isBadRequest)
  })
})

const names = fc.constantFrom('a', 'b', 'c', '__proto__')
const { tree: trees } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<JsonValue>('a', 1, true, null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
  ),
}))
const objects = fc.dictionary(names, trees, { maxKeys: 4 })
const withoutNulls = objects.map((object) => applyMergePatch({}, object))

test('applying it again changes nothing, and inputs stay as they are', () => {
  fc.assert(
    fc.property(objects, objects, (original, patch) => {
      const before = JSON.stringify([original, patch])
      const once = applyMergePatch(original, patch)
      assert.equal(applyMergePatch(once, patch), once)
      assert.equal(JSON.stringify([original, patch]), before)
      if (isEqual(once, original)) assert.equal(once, original)
    }),
    { numRuns: 1500 },
  )
})

test('the patch between two objects turns the first into the second', () => {
  fc.assert(
    fc.property(withoutNulls, withoutNulls, (from, to) => {
      assert.ok(isEqual(applyMergePatch(from, createMergePatch(from, to)), to))
      assert.deepEqual(createMergePatch(to, to), {})
    }),
    { numRuns: 1500 },
  )
})
