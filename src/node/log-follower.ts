/**
 * Follows the raw output of one attempt and appends it to CRI segments.
 *
 * Exactly once, across a crash at any instruction: the position in the raw files and the length of the segment are
 * saved together, after the segment was written. A follower that starts again cuts the segment back to the saved
 * length and reads on from the saved position.
 *
 * The raw files belong to the app, which appends for as long as it lives. What has been read is given back to the
 * file system by punching a hole (`fallocate --punch-hole`): the app's and our offsets stay as they are, so no line is
 * lost however the two race. Where that isn't possible (no util-linux, a file system without holes) the raw file is
 * truncated when all of it is read: a line written between the last look at its size and the truncation, a few
 * microseconds, is lost.
 *
 * Who writes faster than we read is not waited for, and does not fill the disk: of what is unread no more is kept than
 * rotation would leave of it, and a line in the log says how much is missing.
 */
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, open, rm, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { formatLogRecord, logTime, splitOutput, type LogStream } from '../api/streams/log-lines.ts'
import { listSegments, rotateOut, segmentPath, type LogLimits } from './log-files.ts'
import { readJson } from './pod-records.ts'
import { chunkBytes, giveBack, readChunk, sizeOf } from './raw-output.ts'
import { isErrno, writeFileAtomic } from './write-file.ts'

export interface LogFollower extends AsyncDisposable {
  /** Reads what is there now; with `isEnd`, an unfinished last line too. */
  drain(options?: { readonly isEnd: boolean }): Promise<void>
  /** Calls `fn` after segments have grown; returns a function that ends it. */
  onGrowth(fn: () => void): () => void
}

export interface LogFollowerOptions {
  /** Holds `stdout` and `stderr`, and our `reader.json`. */
  readonly rawDir: string
  readonly logDir: string
  readonly attempt: number
  readonly limits: LogLimits
  readonly clock: Clock
  readonly logger: Logger
  /** Called when the disk refuses: the lines stay in the raw file and are tried again. */
  readonly onDiskFull: () => void
}

interface Position {
  readonly segment: number
  readonly segmentBytes: number
  /** When the segment began, by the wall clock. */
  readonly segmentSinceMs?: number
  readonly offsets: Record<LogStream, number>
  /** Up to where the raw files are punched. */
  readonly released: Record<LogStream, number>
}

const streams = ['stdout', 'stderr'] as const
const releaseBytesMin = 4 * 1024 * 1024 // a hole is punched for each 4 MiB: one short child process for 4 MiB of output
const pollMs = 5_000 // where changes aren't told
const watchedPollMs = 60_000 // where inotify tells of them: in case one was lost
/**
 * One app's output may not take all of the agent's time: what is copied in a second is far above what anybody reads and far below
 * what an agent can copy. The pauses are short, for the disk fills meanwhile.
 */
const pacing = { bytesPerMs: (16 * 1024 * 1024) / 1_000, burstBytes: 4 * 1024 * 1024, pauseMs: 16 }

export async function openLogFollower(options: LogFollowerOptions): Promise<LogFollower> {
  const { rawDir, logDir, clock, logger } = options
  await mkdir(logDir, { recursive: true, mode: 0o700 })
  let position = await recover(options)
  const listeners = new Set<() => void>()
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let isQueued = false
  const pace = createPace(clock, stop.signal)
  const pump = async (isEnd: boolean) => {
    for (let isMore = true; isMore && !stop.signal.aborted;) {
      isMore = false
      for (const stream of streams) {
        const next = await copyChunk(options, position, { stream, isEnd })
        if (!next) continue
        isMore = true
        position = await release(options, next)
        for (const listener of listeners) listener()
        if (!isEnd) await pace()
      }
    }
  }
  const drain = (isEnd: boolean) => {
    running = running
      .then(() => pump(isEnd))
      .catch((error: unknown) => {
        if (isErrno(error, 'ENOSPC')) options.onDiskFull()
        else if (!isErrno(error, 'ENOENT'))
          logger.warn('output of a container could not be copied', { error, rawDir })
      })
    return running
  }
  const wake = () => {
    if (isQueued) return
    isQueued = true
    void running.then(() => {
      isQueued = false
      return drain(false)
    })
  }
  const watcher = watchFolder(rawDir, wake)
  const stopPolling = clock.every(watcher ? watchedPollMs : pollMs, wake)
  wake()
  return {
    drain: (how) => drain(how?.isEnd ?? false),
    onGrowth(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
    async [Symbol.asyncDispose]() {
      watcher?.close()
      stopPolling()
      stop.abort(new Error('the follower was disposed'))
      await running
    },
  }
}

/** To be called after each chunk. Pauses when more was copied of late than is due. */
function createPace(clock: Clock, signal: AbortSignal): () => Promise<void> {
  let credit = pacing.burstBytes
  let sinceMs = clock.monotonicMs()
  return async () => {
    const nowMs = clock.monotonicMs()
    credit = Math.min(pacing.burstBytes, credit + (nowMs - sinceMs) * pacing.bytesPerMs) - chunkBytes
    sinceMs = nowMs
    if (credit < 0) await clock.sleep(pacing.pauseMs, signal).catch(() => {}) // aborted: the caller sees it
  }
}

function watchFolder(folder: string, wake: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name === 'stdout' || name === 'stderr') wake()
    })
    watcher.on('error', () => {}) // the folder is gone, or inotify ran out: the poll remains
    return watcher
  } catch {
    return undefined // no inotify left: the poll remains
  }
}

async function recover({ rawDir, logDir, attempt }: LogFollowerOptions): Promise<Position> {
  const saved = await readJson<Position>(join(rawDir, 'reader.json'))
  const position = saved ?? {
    segment: 0,
    segmentBytes: 0,
    offsets: { stdout: 0, stderr: 0 },
    released: { stdout: 0, stderr: 0 },
  }
  for (const { segment, path } of await listSegments(logDir, attempt)) {
    if (segment > position.segment) await rm(path, { force: true })
    else if (segment === position.segment) await truncate(path, position.segmentBytes)
  }
  // A raw file shorter than what was read of it was truncated just before the agent died.
  const isCut = async (stream: LogStream) => {
    const sizeBytes = await sizeOf(join(rawDir, stream))
    return sizeBytes !== undefined && sizeBytes < position.offsets[stream]
  }
  const offsets = { ...position.offsets }
  for (const stream of streams) if (await isCut(stream)) offsets[stream] = 0
  return { ...position, offsets }
}

/** Copies at most one chunk of one stream; undefined when there is nothing whole to copy. */
async function copyChunk(
  options: LogFollowerOptions,
  position: Position,
  { stream, isEnd }: { readonly stream: LogStream; readonly isEnd: boolean },
): Promise<Position | undefined> {
  const path = join(options.rawDir, stream)
  const sizeBytes = await sizeOf(path)
  const from = position.offsets[stream]
  if (sizeBytes === undefined || sizeBytes <= from) return undefined
  const offset = from + excess(sizeBytes - from, options.limits)
  const raw = await open(path, 'r')
  try {
    const { text, reachesEnd } = await readChunk(raw, offset, sizeBytes)
    const { pieces, consumed } = splitOutput(text, { isEnd: isEnd && reachesEnd })
    if (consumed === 0) return undefined
    const now = options.clock.now()
    const records = (offset === from ? pieces : [missing(offset - from), ...pieces])
      .map((piece, index) => formatLogRecord({ time: logTime(now, index), stream, ...piece }))
      .join('')
    const appended = await append(options, position, Buffer.from(records, 'latin1'))
    const next = { ...appended, offsets: { ...position.offsets, [stream]: offset + consumed } }
    await writeFileAtomic(join(options.rawDir, 'reader.json'), JSON.stringify(next))
    return next
  } finally {
    await raw.close()
  }
}

/** How much of what is unread has to be passed over: what rotation would take at once, when there is twice that. */
function excess(unreadBytes: number, { segmentBytesMax, segmentsMax }: LogLimits): number {
  const keptBytes = segmentBytesMax * segmentsMax
  return unreadBytes > 2 * keptBytes ? unreadBytes - keptBytes : 0
}

/** Ends whatever line the gap began in. */
const missing = (bytes: number) => ({
  text: `[sampan: ${bytes} bytes of output are missing here: more was written at once than is kept]`,
  partial: false,
})

/** Appends to the segment, beginning a new one when this is full or old, and dropping the oldest beyond the limit. */
async function append(options: LogFollowerOptions, position: Position, bytes: Buffer): Promise<Position> {
  const { logDir, attempt, limits, clock } = options
  const nowMs = clock.now().getTime()
  const { segmentSinceMs = nowMs } = position
  const isFull = position.segmentBytes + bytes.byteLength > limits.segmentBytesMax
  const isOld = nowMs - segmentSinceMs > limits.segmentMsMax
  const isNext = position.segmentBytes > 0 && (isFull || isOld)
  const segment = isNext ? position.segment + 1 : position.segment
  const start = isNext ? 0 : position.segmentBytes
  const path = segmentPath(logDir, attempt, segment)
  const file = await open(path, start === 0 ? 'w' : 'r+', 0o600)
  try {
    await writeAll(file, bytes, start)
  } finally {
    await file.close()
  }
  if (isNext) await rotateOut(logDir, attempt, limits)
  return {
    ...position,
    segment,
    segmentBytes: start + bytes.byteLength,
    segmentSinceMs: isNext ? nowMs : segmentSinceMs,
  }
}

/** A disk that is about to be full takes a part, and says so with the next one only. */
async function writeAll(file: FileHandle, bytes: Buffer, start: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;)
    done += (await file.write(bytes, done, bytes.byteLength - done, start + done)).bytesWritten
}

/** Gives the read part of the raw files back. */
async function release(options: LogFollowerOptions, position: Position): Promise<Position> {
  let next = position
  for (const stream of streams) {
    const offset = next.offsets[stream]
    if (offset - next.released[stream] < releaseBytesMin) continue
    const outcome = await giveBack(join(options.rawDir, stream), offset)
    if (outcome === 'kept') continue
    const begun = outcome === 'cut' ? 0 : offset
    next = {
      ...next,
      offsets: { ...next.offsets, [stream]: begun },
      released: { ...next.released, [stream]: begun },
    }
    await writeFileAtomic(join(options.rawDir, 'reader.json'), JSON.stringify(next))
  }
  return next
}
