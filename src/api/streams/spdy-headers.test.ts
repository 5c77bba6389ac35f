import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { constants, createDeflate, createInflate, inflateRawSync } from 'node:zlib'
import { joinBytes } from './channels.ts'
import { createHeaderReader, createHeaderWriter } from './spdy-headers.ts'
import { spdyDictionary } from './spdy-dictionary.ts'
import { headerBlock, parseHeaderBlock } from './spdy31.ts'

const inflateRaw = (bytes: Uint8Array, dictionary: Uint8Array) =>
  inflateRawSync(bytes, { dictionary, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 })

const sent = [
  { streamtype: 'error', port: '80', requestid: '0' },
  { streamtype: 'data', port: '80', requestid: '0' },
  {},
  { streamtype: 'error', port: '80', requestid: '1', filler: 'x'.repeat(40_000) },
  { streamtype: 'data', port: '80', requestid: '1' },
]

for (const dictionary of [spdyDictionary(), undefined]) {
  test(`blocks of one zlib stream ${dictionary ? 'with' : 'without'} the dictionary are read one by one`, async () => {
    const deflate = createDeflate({ ...(dictionary && { dictionary }) })
    const read = createHeaderReader(inflateRaw)
    for (const headers of sent) {
      deflate.write(headerBlock(headers))
      deflate.flush(constants.Z_SYNC_FLUSH)
      const parts: Buffer[] = []
      do {
        const part = deflate.read() as Buffer | null
        if (part) parts.push(part)
        else await once(deflate, 'readable')
      } while (
        !Buffer.concat(parts)
          .subarray(-4)
          .equals(Buffer.from([0, 0, 255, 255]))
      )
      assert.deepEqual(read(Buffer.concat(parts)), headers)
    }
  })
}

test('what is written is one zlib stream', async () => {
  const write = createHeaderWriter()
  const inflate = createInflate({ dictionary: spdyDictionary(), finishFlush: constants.Z_SYNC_FLUSH })
  inflate.end(joinBytes(sent.map((headers) => write(headers))))
  const plain = Buffer.concat((await inflate.toArray()) as Buffer[])
  assert.deepEqual(plain, Buffer.from(joinBytes(sent.map((headers) => headerBlock(headers)))))
  assert.deepEqual(parseHeaderBlock(plain), sent[0])
})

test('a block that is no zlib, or expands beyond the limit, is an error', () => {
  assert.throws(() => createHeaderReader(inflateRaw)(Uint8Array.of(1, 2, 3, 4, 5, 6, 7)), /zlib/)
  assert.throws(() => createHeaderReader(inflateRaw)(Uint8Array.of(0x78, 1, 7, 7, 7, 7, 7)))
})
