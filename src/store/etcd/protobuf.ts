/**
 * As much of the protobuf encoding as etcd's messages need: varints and length-delimited fields. A codec of our own,
 * because a write spends most of its time in the client.
 * https://protobuf.dev/programming-guides/encoding/
 */
const varintType = 0
const fixed64Type = 1
const bytesType = 2
const fixed32Type = 5

/** A message in the making: pieces that are joined once, when it is sent. */
export type Parts = readonly Uint8Array[]

/** A field that holds text, bytes or a message. */
export function bytesField(field: number, content: Uint8Array | string | Parts): Parts {
  const parts = typeof content === 'string' ? [Buffer.from(content)] : isParts(content) ? content : [content]
  let length = 0
  for (const part of parts) length += part.byteLength
  return [head((field << 3) | bytesType, length), ...parts]
}

/** A field that holds a number or a flag; 0 is the default and is left out, as protobuf does. */
export function numberField(field: number, value: number | boolean): Parts {
  const number = Number(value)
  return number === 0 ? [] : [head((field << 3) | varintType, number)]
}

const isParts = (content: Uint8Array | Parts): content is Parts => Array.isArray(content)

function head(tag: number, value: number): Uint8Array {
  const bytes: number[] = []
  for (const number of [tag, value]) {
    let rest = number
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

/** Called for each field: `number` where it is one (else 0), `bytes` where it has a length (else empty). `bytes` is a view. */
export type Visit = (field: number, number: number, bytes: Buffer) => void

const nothing = Buffer.alloc(0)

/** Walks through a message. Integers above 2⁵³ lose precision: revisions and our lease IDs are smaller. */
export function readFields(message: Buffer, visit: Visit): void {
  let at = 0
  const varint = (): number => {
    let [low, high, shift] = [0, 0, 0]
    for (;;) {
      const byte = message[at++]
      if (byte === undefined || shift > 63) throw new Error('a protobuf message is cut off')
      if (shift < 28) low += (byte & 0x7f) * 2 ** shift
      else high += (byte & 0x7f) * 2 ** (shift - 28)
      if (byte < 0x80) break
      shift += 7
    }
    return low + high * 2 ** 28
  }
  while (at < message.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    switch (tag % 8) {
      case varintType:
        visit(field, varint(), nothing)
        break
      case bytesType: {
        const length = varint()
        if (at + length > message.length) throw new Error('a protobuf message is cut off')
        visit(field, 0, message.subarray(at, at + length))
        at += length
        break
      }
      case fixed64Type:
        at += 8
        break
      case fixed32Type:
        at += 4
        break
      default:
        throw new Error(`a protobuf message has wire type ${tag % 8}`)
    }
  }
}

/** A copy of its own, so that holding on to one value does not hold the whole message in memory. */
export const ownBytes = (view: Buffer): Uint8Array => new Uint8Array(view)

const prefixBytes = 5 // gRPC: one byte for compression, four for the length

/** A message as gRPC sends it. */
export function frameOf(parts: Parts): Buffer {
  let length = 0
  for (const part of parts) length += part.byteLength
  const frame = Buffer.allocUnsafe(prefixBytes + length)
  frame[0] = 0
  frame.writeUInt32BE(length, 1)
  let at = prefixBytes
  for (const part of parts) {
    frame.set(part, at)
    at += part.byteLength
  }
  return frame
}

export interface FrameReader {
  /** Calls back for each message that `chunk` completes. Throws for what is no gRPC. */
  push(chunk: Buffer): void
}

export function createFrameReader(onMessage: (message: Buffer) => void, bytesMax: number): FrameReader {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let wanted = prefixBytes
  return {
    push(chunk) {
      waiting.push(chunk)
      waitingBytes += chunk.length
      if (waitingBytes < wanted) return
      let bytes = waiting.length === 1 ? chunk : Buffer.concat(waiting, waitingBytes)
      for (;;) {
        wanted = prefixBytes
        if (bytes.length < prefixBytes) break
        const length = bytes.readUInt32BE(1)
        if (bytes[0] !== 0) throw new Error('a gRPC message is compressed, which was not asked for')
        if (length > bytesMax) throw new Error(`a gRPC message has ${length} bytes; the most is ${bytesMax}`)
        wanted = prefixBytes + length
        if (bytes.length < wanted) break
        onMessage(bytes.subarray(prefixBytes, wanted))
        bytes = bytes.subarray(wanted)
      }
      waiting = bytes.length > 0 ? [bytes] : []
      waitingBytes = bytes.length
    },
  }
}
