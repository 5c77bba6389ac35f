/** A remote command's client on a WebSocket: one message for each piece. */
import type { Readable } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'
import { decodeMessage, encodeMessage, type Piece } from '../../api/streams/channels.ts'
import type { CommandClient } from './piece-pipe.ts'
import { closeNormally, sendMessage } from './websocket.ts'

export function webSocketCommand(webSocket: WebSocket): CommandClient {
  const messages = messageStream(webSocket)
  return {
    pieces: piecesOf(messages),
    send: (piece) => sendMessage(webSocket, encodeMessage(piece)),
    end: () => closeNormally(webSocket),
  }
}

/** What comes, one chunk for each message, at its reader's pace. */
export function messageStream(webSocket: WebSocket): Readable {
  const stream = createWebSocketStream(webSocket, { readableObjectMode: true })
  stream.on('error', () => {}) // 'close' follows
  return stream
}

async function* piecesOf(messages: Readable): AsyncGenerator<Piece> {
  // Not destroyed at its end: that would cut off what is still to be sent.
  for await (const message of messages.iterator({ destroyOnReturn: false })) {
    const piece = decodeMessage(typeof message === 'string' ? Buffer.from(message) : (message as Buffer))
    if (piece) yield piece
  }
}
