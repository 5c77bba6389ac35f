import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { RuntimeError } from '../runtime.ts'
import { isMissing, recordFile } from './record-files.ts'

/**
 * The stdin of a program that wants one: a named pipe, `stdin`, which a second tiny shell beside the parent keeps open for
 * writing (`parent.ts`). So it stays open while nobody writes, and also when the agent dies; it ends when that shell does,
 * which waits for a line on another pipe, `stdin-end`.
 */
export async function makeStdin(stateDir: string): Promise<void> {
  for (const path of [recordFile(stateDir, 'stdin'), recordFile(stateDir, 'stdin-end')]) {
    try {
      await promisify(execFile)('mkfifo', ['-m', '600', path])
    } catch (e) {
      // An earlier start that was cut off has made it.
      if (statSync(path, { throwIfNoEntry: false })?.isFIFO()) continue
      const why = 'its stdin could not be made; is mkfifo installed, and the disk not full?'
      throw new RuntimeError('start-failed', `${why} ${path}`, { cause: e })
    }
  }
}

/** What is written to it the program reads. Its end is not the end of the program's stdin. */
export function openStdin(stateDir: string): Writable {
  try {
    // Without waiting for a reader; writing then waits in the event loop, not in one of Node's few threads.
    const fd = openSync(recordFile(stateDir, 'stdin'), constants.O_WRONLY | constants.O_NONBLOCK)
    return new Socket({ fd, readable: false, writable: true })
  } catch (e) {
    if (isMissing(e))
      throw new RuntimeError('unsupported', 'the program has no stdin, or it has ended', { cause: e })
    if (hasNoReader(e))
      throw new RuntimeError('not-found', 'the program does not read its stdin any more', { cause: e })
    throw e
  }
}

/** The program reads what was written and then the end. For good. Idempotent. */
export function endStdin(stateDir: string): void {
  let fd: number | undefined
  try {
    fd = openSync(recordFile(stateDir, 'stdin-end'), constants.O_WRONLY | constants.O_NONBLOCK)
    writeSync(fd, 'end\n')
  } catch (e) {
    // Nobody holds it open, or not any more: it has ended.
    if (!hasNoReader(e) && !isBroken(e) && !isMissing(e)) throw e
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
  rmSync(recordFile(stateDir, 'stdin'), { force: true })
}

const isBroken = (e: unknown): boolean => e instanceof Error && 'code' in e && e.code === 'EPIPE'
const hasNoReader = (e: unknown): boolean => e instanceof Error && 'code' in e && e.code === 'ENXIO'
