/** Framing of remote commands: SPDY/3.1, WebSocket channels, pieces. How the bytes are cut into chunks makes no difference. */
import assert from 'node:assert/strict'
import { constants, inflateRawSync } from 'node:zlib'
import {
  createPieceDecoder,
  decodeMessage,
  encodeMessage,
  encodePiece,
  joinBytes,
  parseCommandOptions,
  parseResize,
} from '../../../src/api/streams/channels.ts'
import { createHeaderReader } from '../../../src/api/streams/spdy-headers.ts'
import { createSpdyDecoder, type SpdyFrame } from '../../../src/api/streams/spdy31.ts'
import { assertSame, pure, textOf, type FuzzTarget } from '../target.ts'

/** In chunks whose lengths the first byte decides; the rest is the stream. */
function chunksOf(input: Uint8Array): readonly Uint8Array[] {
  const step = 1 + ((input[0] ?? 0) % 37)
  const stream = input.subarray(1)
  const count = Math.ceil(stream.length / step)
  return Array.from({ length: count }, (_, i) => stream.subarray(i * step, (i + 1) * step))
}

interface Outcome<T> {
  readonly items: readonly T[]
  readonly error: string
}

function fed<T>(push: (chunk: Uint8Array) => readonly T[], chunks: readonly Uint8Array[]): Outcome<T> {
  const items: T[] = []
  try {
    for (const chunk of chunks) items.push(...push(chunk))
  } catch (error) {
    return { items, error: refusalText(error) }
  }
  return { items, error: '' }
}

/** An Error in words, or one of zlib; a connection ends with it. */
function refusalText(error: unknown): string {
  const isDefined = error instanceof Error && (error.constructor === Error || 'code' in error)
  if (!isDefined || error instanceof assert.AssertionError) throw error
  return error.message
}

/** With bytes as text, for a quick comparison. */
const shown = (items: readonly object[]): readonly object[] =>
  items.map((item) =>
    'bytes' in item && item.bytes instanceof Uint8Array
      ? { ...item, bytes: Buffer.from(item.bytes).toString('latin1') }
      : item,
  )

/** Data of one frame may come in several. */
function joinedData(frames: readonly SpdyFrame[]): readonly SpdyFrame[] {
  const joined: SpdyFrame[] = []
  for (const frame of frames) {
    const last = joined.at(-1)
    if (frame.type === 'data' && last?.type === 'data' && last.stream === frame.stream && !last.fin)
      joined[joined.length - 1] = { ...frame, bytes: joinBytes([last.bytes, frame.bytes]) }
    else joined.push(frame)
  }
  return joined
}

const spdy: FuzzTarget = {
  name: 'spdy',
  format: 'bytes',
  bytesMax: 4_096,
  dictionary: [
    '\x80\x03\0\x01',
    '\x80\x03\0\x02',
    '\x80\x03\0\x03',
    '\x80\x03\0\x06',
    '\x80\x03\0\x07',
    '\x80\x03\0\x08',
    '\x01\0\0\x01',
    '\0\0\0\x01',
    '\0\0\0\x12',
    'x\xbb',
  ],
  open: pure((given) => {
    const input = Uint8Array.from(given)
    const whole = createSpdyDecoder()
    const cut = createSpdyDecoder()
    const at = fed((chunk) => whole.push(chunk), [input.subarray(1)])
    const bits = fed((chunk) => cut.push(chunk), chunksOf(input))
    assert.equal(bits.error, at.error)
    if (at.error === '') assertSame(shown(joinedData(bits.items)), shown(joinedData(at.items)))
    const carried = bits.items.reduce((sum, frame) => sum + ('bytes' in frame ? frame.bytes.length : 0), 0)
    assert.ok(carried <= input.length, 'more came out than went in')
    const read = createHeaderReader((bytes, dictionary) =>
      inflateRawSync(bytes, { dictionary, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 }),
    )
    const headers = fed(
      (block) => [read(block)],
      bits.items.flatMap((frame) => ('block' in frame ? [frame.block] : [])),
    )
    return `${bits.items
      .map(({ type }) => type)
      .slice(0, 4)
      .join()} ${bits.error === ''} ${headers.items.length}`
  }),
}

const channels: FuzzTarget = {
  name: 'channels',
  format: 'bytes',
  bytesMax: 4_096,
  dictionary: [
    '\0',
    '\x01\0\0\0\x05',
    '\x04\0\0\0\x10',
    '\xff\0\0\0\x01',
    '\0\x01\0\0',
    '{"Width":80,"Height":24}',
    'command=',
    '&stdin=true',
    'tty',
    'container=',
  ],
  open: pure((given) => {
    const input = Uint8Array.from(given)
    const whole = createPieceDecoder()
    const cut = createPieceDecoder()
    const at = fed((chunk) => whole.push(chunk), [input.subarray(1)])
    const bits = fed((chunk) => cut.push(chunk), chunksOf(input))
    assert.equal(bits.error, at.error)
    if (at.error === '') assertSame(shown(bits.items), shown(at.items))
    const again = createPieceDecoder()
    assertSame(
      shown(again.push(joinBytes(bits.items.flatMap((piece) => encodePiece(piece))))),
      shown(bits.items),
    )
    const message = decodeMessage(input)
    if (message) assert.ok(Buffer.from(encodeMessage(message)).equals(input))
    const size = parseResize(input.subarray(1))
    const { command, tty } = parseCommandOptions(new URLSearchParams(textOf(input)))
    return `${bits.items.length} ${bits.error === ''} ${size !== undefined} ${command.length > 0} ${tty}`
  }),
}

export const streamTargets: readonly FuzzTarget[] = [spdy, channels]
