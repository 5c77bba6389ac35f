import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { base64ErrorAt, bytesToBase64 } from './base64.ts'

const rows: readonly [text: string, at: number][] = [
  ['', -1],
  ['YQ==', -1],
  ['YWI=', -1],
  ['YW\nI=\r\n', -1],
  ['x', 0],
  ['YQ', 0],
  ['YWI', 0],
  ['YQ=', 3],
  ['YQ=x', 2],
  ['Y===', 1],
  ['YQ==YQ==', 4],
  ['YW*=', 2],
  ['YWJj-_==', 4],
]
for (const [text, at] of rows)
  test(`${JSON.stringify(text)}: ${at < 0 ? 'valid' : `wrong at ${at}`}`, () =>
    assert.equal(base64ErrorAt(text), at))

test('bytes are written as everybody reads them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = bytesToBase64(bytes)
      assert.equal(text, Buffer.from(bytes).toString('base64'))
      assert.equal(base64ErrorAt(text), -1)
    }),
  )
  const large = new Uint8Array(100_000).fill(7)
  assert.equal(bytesToBase64(large), Buffer.from(large).toString('base64'))
})
