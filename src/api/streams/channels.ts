/**
 * The streams of one remote command (exec, attach) on one connection: what upstream calls `v4.channel.k8s.io` and
 * `v5.channel.k8s.io`, one WebSocket message for each piece, its first byte the channel. Between API server and node the
 * same pieces travel on an ordinary byte stream, each behind a head of five bytes.
 */
import type { Status } from '../status.ts'

export const channelOf = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** In the order in which they are preferred. Only the first can end stdin without ending the connection. */
export const commandProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const
export type CommandProtocol = (typeof commandProtocols)[number]

export interface Piece {
  readonly channel: number
  readonly bytes: Uint8Array
}

/** Says that nothing follows on `channel`. */
export const closePiece = (channel: number): Piece => ({
  channel: channelOf.close,
  bytes: Uint8Array.of(channel),
})

/** The first of `supported` that the client offers. */
export const chooseProtocol = <T extends string>(
  offered: readonly string[],
  supported: readonly T[],
): T | undefined => supported.find((protocol) => offered.includes(protocol))

export function encodeMessage({ channel, bytes }: Piece): Uint8Array {
  const message = new Uint8Array(1 + bytes.length)
  message[0] = channel
  message.set(bytes, 1)
  return message
}

/** Undefined for a message without content: there is nothing to do about it. */
export function decodeMessage(message: Uint8Array): Piece | undefined {
  const [channel] = message
  return channel === undefined ? undefined : { channel, bytes: message.subarray(1) }
}

const headBytes = 5
/** A longer one is sent in parts: neither side holds more than this of a stream at a time. */
export const pieceBytesMax = 64 * 1024

/** Head, content, head, content, … for a byte stream. The content is not copied. */
export function encodePiece({ channel, bytes }: Piece): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let from = 0; from < bytes.length || from === 0; from += pieceBytesMax) {
    const content = bytes.subarray(from, from + pieceBytesMax)
    const head = new Uint8Array(headBytes)
    head[0] = channel
    new DataView(head.buffer).setUint32(1, content.length)
    parts.push(head, content)
  }
  return parts
}

export interface PieceDecoder {
  /** Throws when the other side doesn't speak this protocol. */
  push(chunk: Uint8Array): readonly Piece[]
}

export function createPieceDecoder(): PieceDecoder {
  let rest: Uint8Array = new Uint8Array(0)
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : joinBytes([rest, chunk])
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const pieces: Piece[] = []
      let at = 0
      while (bytes.length - at >= headBytes) {
        const length = view.getUint32(at + 1)
        if (length > pieceBytesMax)
          throw new Error(`a piece of ${length} bytes on a stream that allows ${pieceBytesMax}`)
        if (bytes.length - at < headBytes + length) break
        const content = bytes.subarray(at + headBytes, at + headBytes + length)
        pieces.push({ channel: view.getUint8(at), bytes: content })
        at += headBytes + length
      }
      rest = bytes.subarray(at)
      return pieces
    },
  }
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** What the error channel says at the end: kubectl exits with the code in the cause. */
export function exitPiece(code: number): Piece {
  const status =
    code === 0
      ? { metadata: {}, status: 'Success' }
      : {
          metadata: {},
          status: 'Failure',
          message: `command terminated with non-zero exit code: exit status ${code}`,
          reason: 'NonZeroExitCode',
          details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
        }
  return { channel: channelOf.error, bytes: new TextEncoder().encode(JSON.stringify(status)) }
}

export const statusPiece = (status: Status): Piece => ({
  channel: channelOf.error,
  bytes: new TextEncoder().encode(JSON.stringify(status)),
})

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** `{"Width":80,"Height":24}`. Undefined for anything else: a terminal of a wrong size is no reason to end a session. */
export function parseResize(bytes: Uint8Array): TerminalSize | undefined {
  try {
    const sent: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof sent !== 'object' || sent === null || !('Width' in sent) || !('Height' in sent))
      return undefined
    const { Width: columns, Height: rows } = sent
    return isSize(columns) && isSize(rows) ? { columns, rows } : undefined
  } catch {
    return undefined // not JSON
  }
}

/** The kernel keeps them in 16 bits. */
const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536

export interface CommandOptions {
  readonly command: readonly string[]
  readonly container: string | undefined
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** PodExecOptions and PodAttachOptions as they come in a query. */
export function parseCommandOptions(query: URLSearchParams): CommandOptions {
  const flag = (name: string) => ['1', 't', 'T', 'true', 'TRUE', 'True', ''].includes(query.get(name) ?? 'no')
  const tty = flag('tty')
  return {
    command: query.getAll('command'),
    container: query.get('container') || undefined,
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    // A terminal has one output.
    stderr: flag('stderr') && !tty,
    tty,
  }
}
