/** What Node.js itself has written at the end of a program: why it crashed. Pure. */

export interface Crash {
  readonly reason: 'UncaughtException' | 'HeapOutOfMemory' | 'FatalError'
  /** The error and the top of its stack. */
  readonly message: string
}

/** V8's report of a heap that is full has some forty lines behind its first. */
export const crashTail = { linesMax: 100, bytesMax: 16_384 }

/** An event is read in a list: the place is in the first lines of a stack. */
const stackLinesMax = 6
/** Upstream's limit for an event's message is 1,024 characters. */
const messageLengthMax = 1_000

/** Undefined when its end was none of Node.js's doing. `output` is the last that the program has written. */
export function crashOf(output: string): Crash | undefined {
  const lines = output.trimEnd().split('\n')
  return fatalError(lines) ?? uncaughtException(lines)
}

/** `FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory` */
function fatalError(lines: readonly string[]): Crash | undefined {
  const line = lines.findLast((each) => /^(FATAL ERROR: |# Fatal .* error|#\s+Fatal JavaScript )/.test(each))
  if (line === undefined) return undefined
  const isHeap = /JavaScript heap out of memory|invalid array length Allocation failed/.test(line)
  return { reason: isHeap ? 'HeapOutOfMemory' : 'FatalError', message: cut(line) }
}

/**
 * FILE:LINE, the source, `^`, an empty line, the error, its stack, its fields, an empty line, and since version 17
 * `Node.js vX.Y.Z`. A thrown value that is no error has no stack.
 */
function uncaughtException(lines: readonly string[]): Crash | undefined {
  if (!/^Node\.js v\d+\.\d+\.\d+/.test(lines.at(-1) ?? '')) return undefined
  const marker = lines.findLastIndex((line) => /^\s*\^+\s*$/.test(line))
  const report = lines.slice(marker + 1, -1)
  const start = marker >= 0 ? report.findIndex((line) => line.trim() !== '') : startOfStack(report)
  if (start < 0) return undefined
  const end = report.findIndex((line, index) => index > start && line.trim() === '')
  const said = report.slice(start, end < 0 ? undefined : end)
  const firstCall = said.findIndex(isCall)
  const shown = firstCall < 0 ? said : said.slice(0, firstCall + stackLinesMax)
  return { reason: 'UncaughtException', message: cut(shown.slice(0, stackLinesMax * 2).join('\n')) }
}

const isCall = (line: string): boolean => /^\s+at /.test(line)

/** The line before the last run of calls: what precedes it is the program's own output. */
function startOfStack(lines: readonly string[]): number {
  const last = lines.findLastIndex(isCall)
  if (last < 0) return lines.findLastIndex((line) => line.trim() !== '')
  let first = last
  while (first > 0 && isCall(lines[first - 1] ?? '')) first--
  return Math.max(0, first - 1)
}

const cut = (text: string): string =>
  text.length > messageLengthMax ? `${text.slice(0, messageLengthMax - 1)}…` : text
