import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyOf } from './copy.ts'

test('a copy is equal and shares nothing', () => {
  const object = { a: [1, { b: null }, 'x'], c: { d: {}, e: [] }, f: true }
  const copy = copyOf(object)
  assert.deepEqual(copy, object)
  assert.notEqual(copy.a, object.a)
  assert.notEqual(copy.a[1], object.a[1])
  assert.notEqual(copy.c.d, object.c.d)
})

test('a field called __proto__ is a field like any other', () => {
  const copy = copyOf(JSON.parse('{"__proto__":{"x":1}}') as object)
  assert.equal(JSON.stringify(copy), '{"__proto__":{"x":1}}')
  assert.equal(Object.getPrototypeOf(copy), Object.prototype)
})

test('a field that is undefined is no field', () => {
  assert.deepEqual(Object.keys(copyOf({ a: undefined, b: 1 })), ['b'])
})
