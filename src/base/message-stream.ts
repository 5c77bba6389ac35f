/** Bytes inside of WebSocket messages: small ones, so that neither end has to take large ones from a stranger. */
import type { Duplex } from 'node:stream'

/** Of one message. TLS hands over megabytes at once where its connection has room for them. */
export const messageBytesMax = 64 * 1024

/** The same stream, which sends one message for each write: longer ones go out in several, in order. */
export function inMessages(stream: Duplex): Duplex {
  const write = stream._write.bind(stream)
  stream._write = (chunk: Buffer, encoding, done) => {
    const sendFrom = (at: number) => {
      const end = at + messageBytesMax
      const sent = (error?: Error | null) => (error || end >= chunk.length ? done(error) : sendFrom(end))
      write(chunk.subarray(at, end), encoding, sent)
    }
    sendFrom(0)
  }
  return stream
}
