import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { JsonError, jsonDepthMax, parseJson } from './json.ts'

const duplicatesOf = (text: string) => parseJson(text, { findDuplicates: true }).duplicates

test('duplicate keys are reported by path, once each, and the last value counts', () => {
  const text = '{"a":1,"spec":{"x":1,"x":2,"x":3},"l":[{"n":1},{"n":1,"n":2}],"a":2}'
  const parsed = parseJson(text, { findDuplicates: true })
  assert.deepEqual(parsed.duplicates, [
    'duplicate field "spec.x"',
    'duplicate field "l[1].n"',
    'duplicate field "a"',
  ])
  assert.deepEqual(parsed.value, { a: 2, spec: { x: 3 }, l: [{ n: 1 }, { n: 2 }] })
})

test('keys are compared as what they mean, not as they are written', () => {
  assert.deepEqual(duplicatesOf('{"a":1,"\\u0061":2}'), ['duplicate field "a"'])
  assert.deepEqual(duplicatesOf('{"a\\"b":{"c":1},"d":"x}\\\\"}'), [])
})

test('without findDuplicates there is no scan', () => {
  assert.deepEqual(parseJson('{"a":1,"a":2}', { findDuplicates: false }).duplicates, [])
})

test('many duplicates do not make a long answer', () => {
  const keys = Array.from({ length: 500 }, (_, i) => `"k${i}":1,"k${i}":1`)
  assert.equal(duplicatesOf(`{${keys.join(',')}}`).length, 100)
})

describe('malformed text', () => {
  const rows: readonly [text: string, message: string, offset: number][] = [
    ['', 'unexpected end of JSON input', 0],
    ['{', 'unexpected end of JSON input', 1],
    ['{"a":1', 'unexpected end of JSON input', 6],
    ['"abc', 'unexpected end of JSON input', 4],
    ['nul', 'unexpected end of JSON input', 3],
    ['nuLl', "invalid character 'L' in literal null (expecting 'l')", 2],
    ['}', "invalid character '}' looking for beginning of value", 0],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1],
    ['{"a" 1}', "invalid character '1' after object key", 5],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair", 7],
    ['[1 2]', "invalid character '2' after array element", 3],
    ['{} x', "invalid character 'x' after top-level value", 3],
    ['[01]', "invalid character '1' after array element", 2],
    ['[1.]', "invalid character ']' after decimal point in numeric literal", 3],
    ['[-x]', "invalid character 'x' in numeric literal", 2],
    ['["\\x"]', "invalid character 'x' in string escape code", 3],
    ['["a\nb"]', "invalid character '\\n' in string literal", 3],
    ['["\\u00g0"]', "invalid character 'g' in \\u hexadecimal character escape", 6],
  ]
  for (const [text, message, offset] of rows)
    test(JSON.stringify(text), () => {
      assert.throws(
        () => parseJson(text, { findDuplicates: false }),
        (error) => error instanceof JsonError && error.message.startsWith(message) && error.offset === offset,
      )
    })
})

test('nesting is bounded, with and without a scan for duplicates, closed or not', () => {
  const deep = (n: number, tail = ']') => '['.repeat(n) + tail.repeat(n)
  for (const findDuplicates of [false, true]) {
    parseJson(deep(jsonDepthMax), { findDuplicates })
    for (const text of [deep(jsonDepthMax + 2), deep(200_000), deep(200_000, '')])
      assert.throws(() => parseJson(text, { findDuplicates }), /exceeded max depth/)
  }
})

test('brackets and quotes inside strings are text', () => {
  const value = { a: '[{"'.repeat(300), b: '\\', c: '\\"' }
  assert.deepEqual(parseJson(JSON.stringify(value), { findDuplicates: true }), { value, duplicates: [] })
})

test('any JSON passes the scan without a complaint; any damage is a JsonError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), fc.string({ maxLength: 2 }), (value, at, noise) => {
      const text = JSON.stringify(value)
      assert.deepEqual(parseJson(text, { findDuplicates: true }).duplicates, [])
      const cut = at % (text.length + 1)
      const damaged = text.slice(0, cut) + noise + text.slice(cut + 1)
      try {
        parseJson(damaged, { findDuplicates: true })
      } catch (error) {
        assert.ok(error instanceof JsonError)
        assert.ok(error.offset <= damaged.length)
        assert.match(error.message, /^(?:invalid character|unexpected end)/)
      }
    }),
    { numRuns: 2000 },
  )
})
