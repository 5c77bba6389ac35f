/** `kubectl attach`: what a running container writes from now on, as pieces, until it ends. */
import type { LogRecord, LogStream } from '../api/streams/log-lines.ts'
import { channelOf, encodePiece, exitPiece } from '../api/streams/channels.ts'
import type { CommandOptions } from '../api/streams/channels.ts'
import { followOutput, type LogSource } from './log-reader.ts'

export async function* attachedOutput(
  source: LogSource,
  { stdout, stderr, tty }: CommandOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const wants = { stdout, stderr } satisfies Record<LogStream, boolean>
  // A terminal on the other side is in raw mode.
  const newline = tty ? '\r\n' : '\n'
  for await (const records of followOutput(source, signal)) {
    for (const { stream, text } of joinRuns(records, newline)) {
      // With a terminal there is one output.
      const to = tty ? 'stdout' : stream
      if (wants[to]) yield* encodePiece({ channel: channelOf[to], bytes: Buffer.from(text, 'latin1') })
    }
  }
  if (!signal.aborted) yield* encodePiece(exitPiece(0))
}

/** Neighbours of one stream become one text. */
function joinRuns(records: readonly LogRecord[], newline: string): { stream: LogStream; text: string }[] {
  const runs: { stream: LogStream; text: string }[] = []
  for (const { stream, text, partial } of records) {
    const piece = partial ? text : text + newline
    const last = runs.at(-1)
    if (last?.stream === stream) last.text += piece
    else runs.push({ stream, text: piece })
  }
  return runs
}
