/** A remote command's client on a WebSocket: one message for each piece. */
import type { Readable } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'
import type { Piece } from '../../api/streams/channels.ts'
import type { CommandMessages } from './command-messages.ts'
import type { CommandClient } from './piece-pipe.ts'
import { bufferedBytesMax, closeNormally, flushMessage } from './websocket.ts'

export function webSocketCommand(webSocket: WebSocket, form: CommandMessages): CommandClient {
  const messages = messageStream(webSocket)
  // Python's client looks at the connection once for each message: two in one TLS record, and it waits for ever with the
  // second in its hands. So a message is written only when the one before has left.
  let last: Promise<boolean> = Promise.resolve(true)
  let waitingBytes = 0
  return {
    pieces: piecesOf(messages, form),
    async send(piece) {
      const message = form.encode(piece)
      if (message === undefined) return true
      waitingBytes += message.length
      const sent = last.then(() => flushMessage(webSocket, message))
      last = sent.finally(() => (waitingBytes -= message.length))
      const hasRoom = webSocket.readyState === webSocket.OPEN && waitingBytes < bufferedBytesMax
      return hasRoom || sent
    },
    end: () => void last.then(() => closeNormally(webSocket)),
  }
}

/** What comes, one chunk for each message, at its reader's pace. */
export function messageStream(webSocket: WebSocket): Readable {
  const stream = createWebSocketStream(webSocket, { readableObjectMode: true })
  stream.on('error', () => {}) // 'close' follows
  return stream
}

async function* piecesOf(messages: Readable, { decode }: CommandMessages): AsyncGenerator<Piece> {
  // Not destroyed at its end: that would cut off what is still to be sent.
  for await (const message of messages.iterator({ destroyOnReturn: false })) {
    const piece = decode(typeof message === 'string' ? Buffer.from(message) : (message as Buffer))
    if (piece) yield piece
  }
}
