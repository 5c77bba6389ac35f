/** Reads the CRI segments of one attempt back as what `kubectl logs` shows. */
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { deferred } from '../base/deferred.ts'
import { logTime, parseLogRecord, type LogRecord } from '../api/streams/log-lines.ts'
import { parseLogOptions, type LogOptions } from '../api/streams/log-options.ts'
import { listSegments, packedSuffix, readWhole, type LogSegment } from './log-files.ts'
import { isErrno } from './write-file.ts'

/** Tells a reader that follows about the attempt it reads. */
export interface LogSource {
  readonly logDir: string
  readonly attempt: number
  /** True when the attempt has ended and its last line is in the segments. */
  readonly isEnded: () => boolean
  /** Calls `fn` when segments have grown or the attempt has ended. */
  readonly onChange: (fn: () => void) => () => void
}

export interface LogRequest {
  readonly options: LogOptions
  readonly now: Date
  readonly signal: AbortSignal
}

const chunkBytes = 64 * 1024

/** Yields bytes; pauses with its consumer. Ends at the end of the log, or with the attempt when it follows. */
export async function* readLog(source: LogSource, request: LogRequest): AsyncGenerator<Buffer> {
  const { options } = request
  let left = options.limitBytes ?? Infinity
  const format = createFormatter(request)
  for await (const records of readRecords(source, request)) {
    const bytes = Buffer.from(records.map(format).join(''), 'latin1')
    if (bytes.byteLength === 0) continue
    yield bytes.subarray(0, left)
    left -= bytes.byteLength
    if (left <= 0) return
  }
}

/** What an attempt writes from now on, until it ends. */
export function followOutput(source: LogSource, signal: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
  const { options } = parseLogOptions(new URLSearchParams('follow=true&tailLines=0'))
  return readRecords(source, { options, signal })
}

/** The last lines of an attempt's output, for `terminated.message`. */
export async function tailOutput(
  source: Pick<LogSource, 'logDir' | 'attempt'>,
  { linesMax, bytesMax }: { readonly linesMax: number; readonly bytesMax: number },
): Promise<string> {
  const lines: string[] = []
  const segments = await listSegments(source.logDir, source.attempt)
  for (const segment of segments.toReversed()) {
    const text = await readWhole(segment)
    lines.unshift(
      ...text
        .split('\n')
        .slice(0, -1)
        .slice(-(linesMax - lines.length)),
    )
    if (lines.length >= linesMax) break
  }
  const output = lines.map((line) => `${parseLogRecord(line)?.text ?? ''}\n`).join('')
  return Buffer.from(output, 'latin1').subarray(-bytesMax).toString('utf8')
}

/** Batches of whole records from where the options begin. */
async function* readRecords(
  source: LogSource,
  { options, signal }: Pick<LogRequest, 'options' | 'signal'>,
): AsyncGenerator<LogRecord[]> {
  const start = await findStart(source, options.tailLines)
  let segment = start.segment
  let offset = start.offset
  // Who doesn't follow gets the lines asked for, and none that is written meanwhile.
  let left = options.follow ? Infinity : (options.tailLines ?? Infinity)
  if (left === 0) return
  const change = createWaiter(source, signal)
  try {
    for (;;) {
      // Looked at before reading: what was written before then is surely read below.
      const isEnded = !options.follow || source.isEnded()
      const isLast = !(await listSegments(source.logDir, source.attempt)).some((s) => s.segment > segment)
      for await (const { records, next } of readSegment(source, segment, offset)) {
        offset = next
        if (left === Infinity) yield records
        else {
          const some = firstLines(records, left)
          left -= linesIn(some)
          yield some
        }
        if (signal.aborted || left === 0) return
      }
      if (!isLast) {
        segment++
        offset = 0
      } else if (isEnded || !(await change.wait())) return
    }
  } finally {
    change.end()
  }
}

const linesIn = (records: readonly LogRecord[]): number => records.filter(({ partial }) => !partial).length

/** A copy: the records up to the end of the last of so many lines, or all. */
function firstLines(records: readonly LogRecord[], lines: number): LogRecord[] {
  let seen = 0
  const last = records.findIndex(({ partial }) => !partial && ++seen === lines)
  return last < 0 ? [...records] : records.slice(0, last + 1)
}

/** Resolves at each change since the last time; false once the signal aborts. */
function createWaiter({ onChange }: LogSource, signal: AbortSignal) {
  let changed = deferred()
  const wake = () => changed.resolve()
  const stop = onChange(wake)
  signal.addEventListener('abort', wake, { once: true })
  return {
    async wait(): Promise<boolean> {
      await changed.promise
      changed = deferred()
      if (signal.aborted) changed.resolve()
      return !signal.aborted
    },
    end() {
      stop()
      signal.removeEventListener('abort', wake)
    },
  }
}

async function* readSegment(
  { logDir, attempt }: LogSource,
  segment: number,
  start: number,
): AsyncGenerator<RecordBatch> {
  const found = (await listSegments(logDir, attempt)).find((s) => s.segment === segment)
  if (found) yield* readRecordsOf(found, start)
}

export interface RecordBatch {
  readonly records: LogRecord[]
  /** Where the next one begins. */
  readonly next: number
}

/** From `start`, counted in bytes of the segment as it was before it was packed. Ends where nothing whole follows. */
export async function* readRecordsOf(
  { attempt, path, isPacked, segment }: LogSegment,
  start: number,
): AsyncGenerator<RecordBatch> {
  const file = isPacked ? undefined : await openIfThere(path)
  if (!isPacked && !file) {
    // Packed since it was listed, or rotated away behind a slow reader, which goes on with what is left.
    return yield* readRecordsOf({ attempt, segment, path: path + packedSuffix, isPacked: true }, start)
  }
  let offset = start
  let rest = ''
  try {
    for await (const chunk of file ? plainChunks(file, start) : packedChunks(path, start)) {
      const text = rest + chunk
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      if (end === 0) continue
      const records = text
        .slice(0, end - 1)
        .split('\n')
        .flatMap((line) => parseLogRecord(line) ?? [])
      offset += end
      yield { records, next: offset }
    }
  } finally {
    await file?.close()
  }
}

async function* plainChunks(file: FileHandle, start: number): AsyncGenerator<string> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (let offset = start; ;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, offset)
    if (bytesRead === 0) return
    offset += bytesRead
    yield buffer.toString('latin1', 0, bytesRead)
  }
}

async function* packedChunks(path: string, start: number): AsyncGenerator<string> {
  const source = createReadStream(path)
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  source.pipe(gunzip)
  let skip = start
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      if (skip < chunk.byteLength) yield chunk.toString('latin1', skip)
      skip = Math.max(0, skip - chunk.byteLength)
    }
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  } finally {
    source.destroy()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Where the last `tailLines` lines begin; the oldest segment's start without that. */
async function findStart(
  { logDir, attempt }: LogSource,
  tailLines: number | undefined,
): Promise<{ segment: number; offset: number }> {
  const segments = await listSegments(logDir, attempt)
  const oldest = { segment: segments[0]?.segment ?? 0, offset: 0 }
  if (tailLines === undefined) return oldest
  let left = tailLines
  for (const one of segments.toReversed()) {
    const found = await startOfTail(one, left)
    if (found.offset !== undefined) return { segment: one.segment, offset: found.offset }
    left -= found.lines
  }
  return oldest
}

/** Walks a segment's lines backwards. A line in pieces counts once, by its last piece. */
async function startOfTail(from: LogSegment, lines: number): Promise<{ offset?: number; lines: number }> {
  const text = await readWhole(from)
  let seen = 0
  for (let end = text.lastIndexOf('\n'); end >= 0;) {
    const start = end === 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1
    const isWhole = parseLogRecord(text.slice(start, Math.min(end, start + 64)))?.partial !== true
    if (isWhole && seen === lines) return { offset: end + 1, lines: seen }
    if (isWhole) seen++
    end = start - 1
  }
  return { lines: seen }
}

function createFormatter({ options, now }: LogRequest): (record: LogRecord) => string {
  const since =
    options.sinceTime ??
    (options.sinceSeconds ? new Date(now.getTime() - options.sinceSeconds * 1000) : undefined)
  const sinceText = since && logTime(since)
  let isLineStart = true
  const wanted = options.stream?.toLowerCase() ?? 'all'
  return ({ time, stream, partial, text }) => {
    if (sinceText !== undefined && time < sinceText) return ''
    if (wanted !== 'all' && stream !== wanted) return ''
    const prefix = options.timestamps && isLineStart ? `${time} ` : ''
    isLineStart = !partial
    return `${prefix}${text}${partial ? '' : '\n'}`
  }
}
