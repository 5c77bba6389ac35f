import type { Socket } from 'node:net'

/** A part of a buffer that just arrived; valid only during the call. */
export interface BodyPart {
  buf: Buffer
  start: number
  end: number
}

/** A body that comes with its head is copied to go out with it up to this size; a larger one goes beside it. */
export const joinBytesMax = 16 * 1024

/** Writes a head and the body bytes at hand in one system call; gives what `socket.write` gives. */
export function writeJoined(socket: Socket, text: string, { buf, start, end }: BodyPart): boolean {
  if (start === end) return socket.write(text, 'latin1')
  if (end - start <= joinBytesMax) return socket.write(text + buf.toString('latin1', start, end), 'latin1')
  socket.cork()
  socket.write(text, 'latin1')
  const isWritable = socket.write(buf.subarray(start, end))
  socket.uncork()
  return isWritable
}
