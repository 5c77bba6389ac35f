/** The files that an app appends its output to, seen by the one who reads them: how long they are, and giving back what was read. */
import { execFile } from 'node:child_process'
import { stat, truncate, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { isErrno } from './write-file.ts'

export const chunkBytes = 256 * 1024 // one read; bounds memory for each container

export async function readChunk(
  raw: FileHandle,
  offset: number,
  sizeBytes: number,
): Promise<{ text: string; reachesEnd: boolean }> {
  const wanted = Math.min(chunkBytes, sizeBytes - offset)
  const { bytesRead, buffer } = await raw.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
  return { text: buffer.toString('latin1', 0, bytesRead), reachesEnd: offset + bytesRead === sizeBytes }
}

/** Undefined when the program has not been started yet. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Gives the first `lengthBytes` back to the disk. `cut`: the file was cut to nothing, and offsets begin anew. */
export async function giveBack(path: string, lengthBytes: number): Promise<'punched' | 'cut' | 'kept'> {
  if (await punchHole(path, lengthBytes)) return 'punched'
  if ((await stat(path)).size !== lengthBytes) return 'kept'
  await truncate(path, 0)
  return 'cut'
}

async function punchHole(path: string, lengthBytes: number): Promise<boolean> {
  try {
    const range = ['--offset', '0', '--length', String(lengthBytes)]
    await promisify(execFile)('fallocate', ['--punch-hole', ...range, path])
    return true
  } catch {
    return false // not there, or not on this file system: the caller truncates
  }
}
