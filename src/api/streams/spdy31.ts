/**
 * SPDY/3.1 framing, as far as Kubernetes clients use it for exec, attach and port-forward: `moby/spdystream` opens streams,
 * writes data, pings, and ignores flow control. Pure: bytes in, frames out. Header blocks stay compressed here, for their
 * compression is one state over the whole connection and belongs to whoever has a zlib.
 *
 *   control: 1|version 15|type 16   flags 8|length 24   content      data: 0|stream 31   flags 8|length 24   content
 */
import { joinBytes } from './channels.ts'

const typeOf = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
}
const version = 3
const finFlag = 1
const headBytes = 8
/** A block of headers of a Kubernetes client has a hundred bytes. */
const controlBytesMax = 64 * 1024
/** The length has 24 bits; smaller pieces let other streams in between. */
export const dataBytesMax = 64 * 1024

export type SpdyFrame =
  /** `block` is the compressed header block. */
  | {
      readonly type: 'syn-stream'
      readonly stream: number
      readonly fin: boolean
      readonly block: Uint8Array
    }
  | { readonly type: 'syn-reply'; readonly stream: number; readonly fin: boolean; readonly block: Uint8Array }
  | { readonly type: 'headers'; readonly stream: number; readonly fin: boolean; readonly block: Uint8Array }
  /** A long data frame comes in several of these as its bytes arrive, `fin` on the last. */
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly bytes: Uint8Array }
  | { readonly type: 'reset'; readonly stream: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'go-away' }

export interface SpdyDecoder {
  /** Throws when it is not SPDY/3. */
  push(chunk: Uint8Array): readonly SpdyFrame[]
}

export function createSpdyDecoder(): SpdyDecoder {
  let rest: Uint8Array = new Uint8Array(0)
  /** The data frame in whose middle we are. */
  let open: { readonly stream: number; readonly fin: boolean; left: number } | undefined
  return {
    push(chunk) {
      let bytes = rest.length === 0 ? chunk : joinBytes([rest, chunk])
      const frames: SpdyFrame[] = []
      for (;;) {
        if (open) {
          const content = bytes.subarray(0, open.left)
          bytes = bytes.subarray(content.length)
          open.left -= content.length
          const { stream, left } = open
          const fin = open.fin && left === 0
          if (content.length > 0 || fin) frames.push({ type: 'data', stream, fin, bytes: content })
          if (left > 0) break
          open = undefined
        }
        if (bytes.length < headBytes) break
        const head = parseHead(bytes)
        if (!head.isControl) {
          open = { stream: head.first & 0x7fff_ffff, fin: (head.flags & finFlag) !== 0, left: head.length }
          bytes = bytes.subarray(headBytes)
          continue
        }
        if (bytes.length < headBytes + head.length) break
        const frame = controlFrame(head, bytes.subarray(headBytes, headBytes + head.length))
        if (frame) frames.push(frame)
        bytes = bytes.subarray(headBytes + head.length)
      }
      rest = bytes
      return frames
    },
  }
}

interface Head {
  readonly isControl: boolean
  /** The first four bytes. */
  readonly first: number
  readonly type: number
  readonly flags: number
  readonly length: number
}

function parseHead(bytes: Uint8Array): Head {
  const view = viewOf(bytes)
  const first = view.getUint32(0)
  const second = view.getUint32(4)
  const isControl = first >>> 31 === 1
  const head = { isControl, first, type: first & 0xffff, flags: second >>> 24, length: second & 0xff_ffff }
  if (!isControl) return head
  const spoken = (first >>> 16) & 0x7fff
  if (spoken !== version) throw new Error(`the client speaks SPDY/${spoken}; this server speaks SPDY/3.1`)
  if (head.length > controlBytesMax)
    throw new Error(`a SPDY control frame of ${head.length} bytes; at most ${controlBytesMax} are taken`)
  return head
}

/** Undefined for a frame that asks for nothing (SETTINGS, WINDOW_UPDATE, one of an unknown type). */
function controlFrame({ type, flags }: Head, content: Uint8Array): SpdyFrame | undefined {
  const view = viewOf(content)
  const number = (at: number) => {
    if (content.length < at + 4) throw new Error(`a SPDY frame of type ${type} is cut short`)
    return view.getUint32(at) & 0x7fff_ffff
  }
  const fin = (flags & finFlag) !== 0
  switch (type) {
    case typeOf.synStream:
      return { type: 'syn-stream', stream: number(0), fin, block: content.subarray(10) }
    case typeOf.synReply:
      return { type: 'syn-reply', stream: number(0), fin, block: content.subarray(4) }
    case typeOf.headers:
      return { type: 'headers', stream: number(0), fin, block: content.subarray(4) }
    case typeOf.rstStream:
      return { type: 'reset', stream: number(0) }
    case typeOf.ping:
      return { type: 'ping', id: number(0) }
    case typeOf.goAway:
      return { type: 'go-away' }
    default:
      return undefined
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function control(type: number, flags: number, content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headBytes + content.length)
  const view = viewOf(frame)
  view.setUint32(0, (0x8000 | version) * 0x1_0000 + type)
  view.setUint32(4, flags * 0x100_0000 + content.length)
  frame.set(content, headBytes)
  return frame
}

function numbers(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = viewOf(bytes)
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value)
  return bytes
}

/** Priority, slot and associated stream are none. */
export const synStreamFrame = (stream: number, block: Uint8Array): Uint8Array =>
  control(typeOf.synStream, 0, joinBytes([numbers(stream, 0), new Uint8Array(2), block]))

export const synReplyFrame = (stream: number, block: Uint8Array): Uint8Array =>
  control(typeOf.synReply, 0, joinBytes([numbers(stream), block]))

export const pingFrame = (id: number): Uint8Array => control(typeOf.ping, 0, numbers(id))

/** Why a stream is reset. */
export const resetReason = { protocolError: 1, refused: 3, cancel: 5, internal: 6 } as const

export const resetFrame = (stream: number, reason: number): Uint8Array =>
  control(typeOf.rstStream, 0, numbers(stream, reason))

export const goAwayFrame = (lastStream: number): Uint8Array =>
  control(typeOf.goAway, 0, numbers(lastStream, 0))

/** What precedes `length` bytes of data. */
export function dataHead(stream: number, length: number, fin: boolean): Uint8Array {
  return numbers(stream, (fin ? finFlag : 0) * 0x100_0000 + length)
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** A decompressed header block. Names in lower case; several values of one name are joined as HTTP joins them. */
export function parseHeaderBlock(block: Uint8Array): Readonly<Record<string, string>> {
  const view = viewOf(block)
  let at = 0
  const number = () => {
    if (at + 4 > block.length) throw new Error('a SPDY header block is cut short')
    const value = view.getUint32(at)
    at += 4
    return value
  }
  const text = () => {
    const length = number()
    if (at + length > block.length) throw new Error('a SPDY header block is cut short')
    at += length
    return decoder.decode(block.subarray(at - length, at))
  }
  const entries: [string, string][] = []
  for (let left = number(); left > 0; left--)
    entries.push([text().toLowerCase(), text().replaceAll('\0', ', ')])
  return Object.fromEntries(entries)
}

export function headerBlock(headers: Readonly<Record<string, string>>): Uint8Array {
  const parts: Uint8Array[] = [numbers(Object.keys(headers).length)]
  for (const [name, value] of Object.entries(headers)) {
    for (const bytes of [encoder.encode(name), encoder.encode(value)])
      parts.push(numbers(bytes.length), bytes)
  }
  return joinBytes(parts)
}
