import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { joinBytes } from './channels.ts'
import { isPort, parsePorts, portBytes } from './port-forward.ts'
import { spdyDictionary } from './spdy-dictionary.ts'
import {
  createSpdyDecoder,
  dataHead,
  goAwayFrame,
  headerBlock,
  parseHeaderBlock,
  pingFrame,
  resetFrame,
  type SpdyFrame,
  synReplyFrame,
  synStreamFrame,
} from './spdy31.ts'

const block = Uint8Array.of(1, 2, 3)
const wire = joinBytes([
  synStreamFrame(1, block),
  dataHead(1, 4, false),
  Uint8Array.of(9, 8, 7, 6),
  pingFrame(5),
  synReplyFrame(1, block),
  resetFrame(3, 5),
  dataHead(1, 0, true),
  goAwayFrame(1),
])

/** Joins the pieces of data frames again. */
function summary(frames: readonly SpdyFrame[]): unknown[] {
  const seen: unknown[] = []
  let data: number[] = []
  for (const frame of frames) {
    if (frame.type === 'data') {
      data.push(...frame.bytes)
      if (frame.fin) seen.push(['data', frame.stream, data])
      continue
    }
    if (frame.type === 'ping') seen.push(['ping', frame.id])
    else if (frame.type === 'go-away') seen.push(['go-away'])
    else if (frame.type === 'reset') seen.push(['reset', frame.stream])
    else seen.push([frame.type, frame.stream, frame.fin, [...frame.block]])
  }
  return seen
}

test('frames survive the stream however it is cut', () => {
  const whole = summary(createSpdyDecoder().push(wire))
  assert.deepEqual(whole, [
    ['syn-stream', 1, false, [1, 2, 3]],
    ['ping', 5],
    ['syn-reply', 1, false, [1, 2, 3]],
    ['reset', 3],
    ['data', 1, [9, 8, 7, 6]],
    ['go-away'],
  ])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), (cuts) => {
      const decoder = createSpdyDecoder()
      const frames: SpdyFrame[] = []
      let at = 0
      for (const size of [...cuts, wire.length]) {
        frames.push(...decoder.push(wire.slice(at, at + size)))
        at += size
      }
      assert.deepEqual(summary(frames), whole)
    }),
  )
})

test('SETTINGS and WINDOW_UPDATE ask for nothing', () => {
  const settings = Uint8Array.of(0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0)
  const windowUpdate = Uint8Array.of(0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 1, 0)
  assert.deepEqual(createSpdyDecoder().push(joinBytes([settings, windowUpdate])), [])
})

test('other versions, huge and cut frames are refused', () => {
  assert.throws(() => createSpdyDecoder().push(Uint8Array.of(0x80, 2, 0, 6, 0, 0, 0, 4)), /SPDY\/2/)
  assert.throws(
    () => createSpdyDecoder().push(Uint8Array.of(0x80, 3, 0, 1, 0, 255, 255, 255)),
    /control frame/,
  )
  assert.throws(() => createSpdyDecoder().push(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 1, 7)), /cut short/)
})

test('any bytes are frames or an error, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        createSpdyDecoder().push(bytes)
        parseHeaderBlock(bytes)
      } catch (error) {
        assert.match(String(error), /SPDY/)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('header blocks', () => {
  const headers = { streamtype: 'data', port: '80', requestid: '0' }
  assert.deepEqual(parseHeaderBlock(headerBlock(headers)), headers)
  assert.deepEqual(parseHeaderBlock(headerBlock({ 'Stream-Type': 'a\0b' })), { 'stream-type': 'a, b' })
})

test('the dictionary is that of SPDY/3', () => {
  let [a, b] = [1, 0]
  for (const byte of spdyDictionary()) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  assert.equal(spdyDictionary().length, 1423)
  assert.equal(b * 65_536 + a, 0xe3c6a7c2)
})

test('ports of a request', () => {
  assert.deepEqual(parsePorts(new URLSearchParams('ports=80&ports=443,8080')), [80, 443, 8080])
  for (const wrong of [
    '',
    'ports=',
    'ports=0',
    'ports=x',
    'ports=65536',
    `ports=${Array(101).fill(1).join(',')}`,
  ])
    assert.equal(parsePorts(new URLSearchParams(wrong)), undefined, wrong)
  assert.deepEqual([...portBytes(8080)], [0x90, 0x1f])
  assert.equal(isPort(1.5), false)
})
