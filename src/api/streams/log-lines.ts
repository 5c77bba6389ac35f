/**
 * The CRI log format: `2026-01-01T00:00:00.000000000Z stdout F text`, one record for each line of output. `F` ends a
 * line, `P` is a piece of a line that was too long for one record. The node writes it, the log endpoint reads it.
 *
 * Text is handled as given: node code passes latin1 strings (one char for each byte) so that output that is no UTF-8
 * survives.
 */

export type LogStream = 'stdout' | 'stderr'

export interface LogRecord {
  /** RFC 3339 with nine digits of seconds. */
  readonly time: string
  readonly stream: LogStream
  /** More of the same line follows in the next record of this stream. */
  readonly partial: boolean
  readonly text: string
}

/** A longer line is written in pieces: a reader never has to hold more than this. Containerd's limit. */
export const logTextBytesMax = 16 * 1024

/** `counter` orders the records of one millisecond: it fills the digits below it. */
export const logTime = (date: Date, counter = 0): string =>
  `${date.toISOString().slice(0, -1)}${String(counter % 1_000_000).padStart(6, '0')}Z`

export const formatLogRecord = ({ time, stream, partial, text }: LogRecord): string =>
  `${time} ${stream} ${partial ? 'P' : 'F'} ${text}\n`

const record = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (stdout|stderr) ([FP])(?::[^ ]*)? /

/** One record without its newline; undefined when it is none (a file cut by a full disk). */
export function parseLogRecord(line: string): LogRecord | undefined {
  const match = record.exec(line)
  if (!match) return undefined
  const [prefix, time = '', stream, tag] = match
  return {
    time,
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    partial: tag === 'P',
    text: line.slice(prefix.length),
  }
}

export interface LogPieces {
  readonly pieces: readonly { readonly text: string; readonly partial: boolean }[]
  /** How many characters of the input the pieces used, newlines included. */
  readonly consumed: number
}

/**
 * Cuts raw output into records. What follows the last newline stays unconsumed unless it is longer than one record,
 * or `isEnd` says that nothing will follow.
 */
export function splitOutput(text: string, { isEnd }: { readonly isEnd: boolean }): LogPieces {
  const pieces: { text: string; partial: boolean }[] = []
  let start = 0
  for (;;) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    if (end - start > logTextBytesMax) {
      pieces.push({ text: text.slice(start, start + logTextBytesMax), partial: true })
      start += logTextBytesMax
    } else if (newline >= 0) {
      pieces.push({ text: text.slice(start, newline), partial: false })
      start = newline + 1
    } else if (isEnd && end > start) {
      pieces.push({ text: text.slice(start), partial: false })
      return { pieces, consumed: text.length }
    } else {
      return { pieces, consumed: start }
    }
  }
}
