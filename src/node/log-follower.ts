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
 */
import { execFile } from 'node:child_process'
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, open, rm, stat, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { formatLogRecord, logTime, splitOutput, type LogStream } from '../api/streams/log-lines.ts'
import { listSegments, segmentPath, type LogLimits } from './log-files.ts'
import { readJson } from './pod-records.ts'
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
  readonly offsets: Record<LogStream, number>
  /** Up to where the raw files are punched. */
  readonly released: Record<LogStream, number>
}

const streams = ['stdout', 'stderr'] as const
const chunkBytes = 256 * 1024 // one read; bounds memory for each container
const releaseBytesMin = 4 * 1024 * 1024 // a hole is punched for each 4 MiB: one short child process for 4 MiB of output
const pollMs = 5_000 // for file systems whose changes aren't told; otherwise inotify does

export async function openLogFollower(options: LogFollowerOptions): Promise<LogFollower> {
  const { rawDir, logDir, clock, logger } = options
  await mkdir(logDir, { recursive: true, mode: 0o700 })
  let position = await recover(options)
  const listeners = new Set<() => void>()
  let running: Promise<void> = Promise.resolve()
  let isQueued = false
  const pump = async (isEnd: boolean) => {
    for (const stream of streams) {
      for (;;) {
        const next = await copyChunk(options, position, { stream, isEnd })
        if (!next) break
        position = next
        for (const listener of listeners) listener()
      }
    }
    position = await release(options, position)
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
  const stopPolling = clock.every(pollMs, wake)
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
      await running
    },
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
    if (segment === position.segment) await truncate(path, position.segmentBytes)
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
  const offset = position.offsets[stream]
  const sizeBytes = await sizeOf(path)
  if (sizeBytes === undefined || sizeBytes <= offset) return undefined
  const raw = await open(path, 'r')
  try {
    const { text, reachesEnd } = await readChunk(raw, offset, sizeBytes)
    const { pieces, consumed } = splitOutput(text, { isEnd: isEnd && reachesEnd })
    if (consumed === 0) return undefined
    const now = options.clock.now()
    const records = pieces
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

async function readChunk(
  raw: FileHandle,
  offset: number,
  sizeBytes: number,
): Promise<{ text: string; reachesEnd: boolean }> {
  const wanted = Math.min(chunkBytes, sizeBytes - offset)
  const { bytesRead, buffer } = await raw.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
  return { text: buffer.toString('latin1', 0, bytesRead), reachesEnd: offset + bytesRead === sizeBytes }
}

/** Undefined when the program has not been started yet. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Appends to the segment, beginning a new one when this is full and dropping the oldest beyond the limit. */
async function append(options: LogFollowerOptions, position: Position, bytes: Buffer): Promise<Position> {
  const { logDir, attempt, limits } = options
  const isFull =
    position.segmentBytes > 0 && position.segmentBytes + bytes.byteLength > limits.segmentBytesMax
  const segment = isFull ? position.segment + 1 : position.segment
  const start = isFull ? 0 : position.segmentBytes
  const path = segmentPath(logDir, attempt, segment)
  const file = await open(path, start === 0 ? 'w' : 'r+', 0o600)
  try {
    await file.write(bytes, 0, bytes.byteLength, start)
  } finally {
    await file.close()
  }
  if (isFull) await rm(segmentPath(logDir, attempt, segment - limits.segmentsMax), { force: true })
  return { ...position, segment, segmentBytes: start + bytes.byteLength }
}

/** Gives the read part of the raw files back. */
async function release(options: LogFollowerOptions, position: Position): Promise<Position> {
  let next = position
  for (const stream of streams) {
    const offset = next.offsets[stream]
    if (offset - next.released[stream] < releaseBytesMin) continue
    const path = join(options.rawDir, stream)
    const isPunched = await punchHole(path, offset)
    if (isPunched) next = { ...next, released: { ...next.released, [stream]: offset } }
    else if ((await stat(path)).size === offset) {
      await truncate(path, 0)
      next = {
        ...next,
        offsets: { ...next.offsets, [stream]: 0 },
        released: { ...next.released, [stream]: 0 },
      }
    }
    await writeFileAtomic(join(options.rawDir, 'reader.json'), JSON.stringify(next))
  }
  return next
}

async function punchHole(path: string, lengthBytes: number): Promise<boolean> {
  try {
    await promisify(execFile)('fallocate', [
      '--punch-hole',
      '--offset',
      '0',
      '--length',
      String(lengthBytes),
      path,
    ])
    return true
  } catch {
    return false // not there, or not on this file system: the caller truncates
  }
}
