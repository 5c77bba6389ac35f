import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import {
  channelOf,
  chooseProtocol,
  closePiece,
  createPieceDecoder,
  decodeMessage,
  encodeMessage,
  encodePiece,
  exitPiece,
  joinBytes,
  parseCommandOptions,
  parseResize,
  pieceBytesMax,
} from './channels.ts'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

test('pieces survive the stream however it is cut', () => {
  const piece = fc.record({ channel: fc.nat(255), bytes: fc.uint8Array({ maxLength: 40 }) })
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(20)), (pieces, cuts) => {
      const wire = joinBytes(pieces.flatMap((one) => [...encodePiece(one)]))
      const decoder = createPieceDecoder()
      const seen = []
      let at = 0
      for (const size of [...cuts, wire.length]) {
        seen.push(...decoder.push(wire.slice(at, at + size)))
        at += size
      }
      assert.deepEqual(
        seen.map((one) => [one.channel, [...one.bytes]]),
        pieces.map((one) => [one.channel, [...one.bytes]]),
      )
    }),
  )
})

test('a long piece is sent in parts, and a stream that announces a longer one is refused', () => {
  const long = new Uint8Array(2 * pieceBytesMax + 1).fill(7)
  const pieces = createPieceDecoder().push(joinBytes([...encodePiece({ channel: 1, bytes: long })]))
  assert.deepEqual(
    pieces.map((piece) => piece.bytes.length),
    [pieceBytesMax, pieceBytesMax, 1],
  )
  assert.throws(() => createPieceDecoder().push(Uint8Array.of(0, 255, 0, 0, 0)), /allows 65536/)
})

test('a message is its channel and its content; an empty one is nothing', () => {
  const message = encodeMessage({ channel: channelOf.stdout, bytes: bytes('out') })
  assert.deepEqual([...message], [1, 111, 117, 116])
  const piece = decodeMessage(message)
  assert.deepEqual([piece?.channel, text(piece?.bytes ?? message)], [1, 'out'])
  assert.equal(decodeMessage(new Uint8Array(0)), undefined)
  assert.deepEqual([...encodeMessage(closePiece(channelOf.stdin))], [255, 0])
})

test('the end tells the exit code as kubectl reads it', () => {
  assert.equal(text(exitPiece(0).bytes), '{"metadata":{},"status":"Success"}')
  const failed = JSON.parse(text(exitPiece(3).bytes)) as object
  assert.deepEqual(failed, {
    metadata: {},
    status: 'Failure',
    message: 'command terminated with non-zero exit code: exit status 3',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  })
})

test('only whole sizes of a terminal are taken', () => {
  assert.deepEqual(parseResize(bytes('{"Width":120,"Height":40}')), { columns: 120, rows: 40 })
  for (const wrong of [
    '',
    'x',
    'null',
    '{}',
    '{"Width":0,"Height":4}',
    '{"Width":"1","Height":2}',
    '{"Width":1e9,"Height":2}',
  ])
    assert.equal(parseResize(bytes(wrong)), undefined, wrong)
})

test('the server prefers its own order of protocols', () => {
  const supported = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const
  assert.equal(chooseProtocol(['v4.channel.k8s.io', 'v5.channel.k8s.io'], supported), 'v5.channel.k8s.io')
  assert.equal(chooseProtocol(['v3.channel.k8s.io'], supported), undefined)
})

test('options come from the query, and a terminal has no stderr', () => {
  const query = new URLSearchParams(
    'command=sh&command=-c&container=a&stdin=true&stdout=1&stderr=true&tty=true',
  )
  assert.deepEqual(parseCommandOptions(query), {
    command: ['sh', '-c'],
    container: 'a',
    stdin: true,
    stdout: true,
    stderr: false,
    tty: true,
  })
  assert.equal(parseCommandOptions(new URLSearchParams('stdin=false')).stdin, false)
})
