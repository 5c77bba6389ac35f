import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fc } from '../../base/fast-check.ts'

import { bytesField, createFrameReader, frameOf, numberField, readFields, type Parts } from './protobuf.ts'

const joined = (parts: Parts) => Buffer.concat(parts)

test('numbers and bytes are read as they were written', () => {
  const number = fc.oneof(fc.maxSafeNat(), fc.nat(200))
  fc.assert(
    fc.property(
      number,
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 5_000 }),
      (n, bytes, field) => {
        const seen: unknown[] = []
        const message = joined([...numberField(field, n), ...bytesField(field + 1, bytes)])
        readFields(message, (at, value, view) => seen.push([at, value, [...view]]))
        const expected = [[field + 1, 0, [...bytes]]]
        assert.deepEqual(seen, n === 0 ? expected : [[field, n, []], ...expected])
      },
    ),
  )
})

/** Bytes from protobuf's own description of its encoding. */
const rows = [
  ['a number', numberField(1, 150), '089601'],
  ['text', bytesField(2, 'testing'), '120774657374696e67'],
  ['a message in a message', bytesField(3, numberField(1, 150)), '1a03089601'],
  ['a flag', numberField(4, true), '2001'],
  ['a default', numberField(4, false), ''],
] as const

for (const [name, parts, hex] of rows) {
  test(`${name} is encoded as protobuf says`, () => assert.equal(joined(parts).toString('hex'), hex))
}

test('what is cut off is an error, and unknown fields of every kind are passed over', () => {
  for (const hex of ['08', '0896', '1207', '120774']) {
    assert.throws(() => readFields(Buffer.from(hex, 'hex'), () => {}), /cut off/)
  }
  const fields: number[] = []
  readFields(Buffer.from('0d01020304110102030405060708080a', 'hex'), (field) => fields.push(field))
  assert.deepEqual(fields, [1])
})

test('messages are found whatever the pieces in which they arrive', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(20), { maxLength: 40 }), (sent, sizes) => {
      const stream = Buffer.concat(sent.map((message) => frameOf([message])))
      const seen: number[][] = []
      const reader = createFrameReader((message) => seen.push([...message]), 100)
      let at = 0
      for (const size of [...sizes, stream.length]) {
        reader.push(stream.subarray(at, at + size))
        at += size
      }
      assert.deepEqual(
        seen,
        sent.map((message) => [...message]),
      )
    }),
  )
})

test('a message that is compressed, or too large, is refused', () => {
  const reader = () => createFrameReader(() => {}, 10)
  assert.throws(() => reader().push(Buffer.from('0100000001ff', 'hex')), /compressed/)
  assert.throws(() => reader().push(frameOf([new Uint8Array(11)])), /the most is 10/)
})
