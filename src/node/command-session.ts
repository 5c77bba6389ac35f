/** A command of `kubectl exec` on one HTTP/2 stream: its streams as pieces (`api/streams/channels.ts`) both ways, its exit code last. */
import type { Duplex, Readable, Writable } from 'node:stream'
import { writeAll } from '../base/byte-streams.ts'
import type { Logger } from '../base/logger.ts'
import {
  channelOf,
  createPieceDecoder,
  encodePiece,
  exitPiece,
  parseResize,
  type Piece,
} from '../api/streams/channels.ts'
import type { ExecSession } from '../runtime/runtime.ts'

/** Resolves when the command has ended, or was hung up because nobody listens any more. Owns both. */
export async function serveCommand(stream: Duplex, session: ExecSession, logger: Logger): Promise<void> {
  // Not as the end of its input: half of a file would look like all of it.
  for (const event of ['aborted', 'close']) stream.once(event, () => session.kill())
  // Ends with the stream.
  takeInput(stream, session).catch((error: unknown) => {
    logger.debug('the input of a command broke off', { error })
    stream.destroy()
  })
  await Promise.all([
    sendOutput(stream, session.stdout, channelOf.stdout),
    session.stderr && sendOutput(stream, session.stderr, channelOf.stderr),
  ])
  const code = await session.code
  if (!stream.destroyed) await writeAll(stream, encodePiece(exitPiece(code)))
  stream.end()
}

async function takeInput(stream: Duplex, session: ExecSession): Promise<void> {
  const decoder = createPieceDecoder()
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    for (const piece of decoder.push(chunk as Uint8Array)) await take(piece, session)
  }
}

async function take({ channel, bytes }: Piece, session: ExecSession): Promise<void> {
  const { stdin } = session
  if (channel === channelOf.stdin && stdin) await writeAll(stdin, [bytes])
  if (channel === channelOf.close && bytes[0] === channelOf.stdin) stdin?.end()
  if (channel === channelOf.resize) {
    const size = parseResize(bytes)
    if (size) session.resize(size)
  }
}

/** Goes on reading when nobody takes it: a command must not wait for ever for a pipe that is full. */
async function sendOutput(stream: Writable, output: Readable, channel: number): Promise<void> {
  try {
    for await (const chunk of output)
      await writeAll(stream, encodePiece({ channel, bytes: chunk as Uint8Array }))
  } catch {
    // The pipe was destroyed by `kill`: that is its end.
  }
}
