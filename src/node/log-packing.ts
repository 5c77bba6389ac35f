/** Compresses a segment that won't change any more. */
import { createReadStream, createWriteStream } from 'node:fs'
import { access, rename, rm, stat, utimes } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { packedSuffix } from './log-files.ts'

export const unfinishedSuffix = '.new'

/** The packed file appears whole, keeps the time of the plain one, and takes its place; who reads that reads on. */
export async function packSegment(path: string): Promise<void> {
  const packed = path + packedSuffix
  const unfinished = packed + unfinishedSuffix
  try {
    const { atime, mtime } = await stat(path)
    await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o600 }))
    await utimes(unfinished, atime, mtime)
    await rename(unfinished, packed)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
  const isRotated = await access(path).then(
    () => false,
    () => true, // gone meanwhile: so does its packed form
  )
  await rm(isRotated ? packed : path, { force: true })
}
