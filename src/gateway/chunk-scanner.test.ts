import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { ChunkScanner } from './chunk-scanner.ts'
import { refused } from './header-fields.ts'

/** Scans `body` cut into pieces of `step` bytes; gives the bytes used, or the problem. */
function scan(body: Buffer, step: number): number | string {
  const scanner = new ChunkScanner()
  let used = 0
  for (let at = 0; at < body.length && !scanner.isDone; at += step) {
    const end = scanner.scan(body.subarray(at, at + step), 0)
    if (end === refused) return scanner.problem
    used += end
  }
  return scanner.isDone ? used : 'unfinished'
}

const rows: [string, string, number | string][] = [
  ['an empty body', '0\r\n\r\n', 5],
  ['a chunk', '5\r\nhello\r\n0\r\n\r\n', 15],
  ['an extension', '5;a="b c"\r\nhello\r\n0\r\n\r\n', 23],
  ['trailers', '0\r\nA: b\r\nC:\r\n\r\n', 15],
  ['leading zeros', '0005\r\nhello\r\n0\r\n\r\n', 18],
  ['what follows the body', '0\r\n\r\nGET / HTTP/1.1', 5],
  ['no end', '5\r\nhello\r\n', 'unfinished'],
  ['a size of no digits', '\r\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a hex prefix', '0x5\r\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a sign', '-5\r\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a blank behind the size', '5 \r\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a size that overflows', '10000000000000005\r\n', 'chunk-size'],
  ['a bare line feed behind the size', '5\nhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a bare carriage return behind the size', '5\rhello\r\n0\r\n\r\n', 'chunk-size'],
  ['a line feed in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n', 'chunk-extension'],
  ['a long extension', `5;${'a'.repeat(300)}\r\n`, 'chunk-extension-too-long'],
  ['a chunk longer than its size', '5\r\nhelloo\r\n0\r\n\r\n', 'chunk-end'],
  ['a bare line feed behind the data', '5\r\nhello\n0\r\n\r\n', 'chunk-end'],
  ['a trailer without a name', '0\r\n: b\r\n\r\n', 'trailer'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n', 'trailer'],
  ['a control character in a trailer', '0\r\nA: \0\r\n\r\n', 'trailer'],
  ['endless trailers', `0\r\n${'A: b\r\n'.repeat(2000)}\r\n`, 'trailers-too-long'],
]
for (const [name, body, outcome] of rows)
  test(`chunks with ${name}: ${outcome}`, () => {
    for (const step of [body.length, 1, 2, 3, 7])
      assert.equal(scan(Buffer.from(body, 'latin1'), step), outcome)
  })

test('a valid body ends at its end however it is cut', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 })
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 40 }), (parts, step) => {
      const framed = parts.flatMap((part) => [
        Buffer.from(`${part.length.toString(16)}\r\n`),
        part,
        Buffer.from('\r\n'),
      ])
      const body = Buffer.concat([...framed, Buffer.from('0\r\n\r\n')])
      assert.equal(scan(Buffer.concat([body, Buffer.from('tail')]), step), body.length)
    }),
    { numRuns: 300 },
  )
})
