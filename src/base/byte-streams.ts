/** Two habits of byte streams: writing no faster than the other side takes it, and joining two of them. */
import type { Duplex, Writable } from 'node:stream'

/** Resolves when there is room for more: true, or false when nothing will ever be taken again. */
export function writeAll(stream: Writable, parts: Iterable<Uint8Array>): Promise<boolean> {
  if (!stream.writable) return Promise.resolve(false)
  stream.cork()
  for (const part of parts) stream.write(part)
  stream.uncork()
  if (!stream.writableNeedDrain) return Promise.resolve(true)
  return new Promise((resolve) => {
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      resolve(stream.writable)
    }
    stream.on('drain', settle)
    stream.on('close', settle)
  })
}

/**
 * What one yields the other is given, each way with the reader's pace. The end of one direction is passed on and leaves the
 * other open; when either breaks, both are destroyed. Resolves when both have closed.
 */
export async function pipeBoth(one: Duplex, other: Duplex): Promise<void> {
  const closed = [breakTogether(one, other), breakTogether(other, one)]
  one.pipe(other)
  other.pipe(one)
  await Promise.all(closed)
}

function breakTogether(stream: Duplex, other: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const breakOff = () => void other.destroy(new Error('the other end of the connection broke off'))
    // 'close' follows, and tells the other.
    stream.on('error', () => {})
    // What an HTTP/2 stream says before an 'end' that is none.
    stream.once('aborted', breakOff)
    const onClose = () => {
      if (!stream.readableEnded || !stream.writableFinished) breakOff()
      resolve()
    }
    if (stream.closed) onClose()
    else stream.once('close', onClose)
  })
}
