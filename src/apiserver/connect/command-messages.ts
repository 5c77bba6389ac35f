/**
 * The dialects in which a remote command's pieces become WebSocket messages. Consoles that run in browsers (Rancher,
 * OpenShift) speak base64: text, its first character the channel. Before version 4 the error channel was for people: it has the
 * message of a failure, and nothing when all went well.
 */
import {
  channelOf,
  decodeMessage,
  encodeMessage,
  type CommandProtocol,
  type Piece,
} from '../../api/streams/channels.ts'
import { parseJson } from '../wire.ts'

export interface CommandMessages {
  /** Undefined where the dialect has no message for it. */
  readonly encode: (piece: Piece) => string | Uint8Array | undefined
  /** Undefined for a message that says nothing. */
  readonly decode: (message: Buffer) => Piece | undefined
}

export const commandMessages = (protocol: CommandProtocol): CommandMessages => {
  const { encode, decode } = protocol.includes('base64') ? base64 : binary
  if (protocol.startsWith('v')) return { encode, decode }
  return {
    decode,
    encode: (piece) => {
      if (piece.channel !== channelOf.error) return encode(piece)
      const { status, message = '' } = parseJson<{ readonly status: string; readonly message?: string }>(
        piece.bytes,
      )
      return status === 'Success'
        ? undefined
        : encode({ channel: piece.channel, bytes: Buffer.from(message) })
    },
  }
}

const binary: CommandMessages = { encode: encodeMessage, decode: decodeMessage }

const base64: CommandMessages = {
  encode: ({ channel, bytes }) =>
    `${channel}${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`,
  decode: (message) => {
    const channel = message.toString('latin1', 0, 1)
    if (!/^\d$/.test(channel)) return undefined
    return { channel: Number(channel), bytes: Buffer.from(message.toString('latin1', 1), 'base64') }
  },
}
