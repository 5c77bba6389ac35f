import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fc } from '../../base/fast-check.ts'

import { byteLength } from './byte-length.ts'

test('a text has as many bytes as its encoding', () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  })
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (given) => {
      assert.equal(byteLength(given), new TextEncoder().encode(given).length)
    }),
  )
})
