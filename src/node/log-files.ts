/**
 * Where a container's CRI log lies, and in which order it is read.
 *
 *   FOLDER/NAME/ATTEMPT.SEGMENT.log      segments count up; the highest one of the highest attempt grows
 *   FOLDER/NAME/ATTEMPT.SEGMENT.log.gz   one that will not change any more (`log-keeper.ts` packs them)
 *
 * FOLDER is `pods/UID/log` while the pod is here and `logs/UID/log` afterwards (`log-archive.ts`). Both numbers are part
 * of the name, so that no reader ever finds other content under a name that it knows.
 */
import { readFile, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { isErrno } from './write-file.ts'

export interface LogLimits {
  readonly segmentBytesMax: number
  /** Of that size: what they may have together. */
  readonly segmentsMax: number
  /** A segment that began longer ago than this gets a successor with the next line. */
  readonly segmentMsMax: number
}

/** The first two are kubelet's containerLogMaxSize and containerLogMaxFiles. */
export const defaultLogLimits: LogLimits = {
  segmentBytesMax: 10 * 1024 * 1024,
  segmentsMax: 5,
  segmentMsMax: 24 * 60 * 60_000,
}

export interface LogSegment {
  readonly attempt: number
  readonly segment: number
  readonly path: string
  readonly isPacked: boolean
}

export const packedSuffix = '.gz'

export const segmentPath = (folder: string, attempt: number, segment: number): string =>
  join(folder, `${attempt}.${segment}.log`)

/** All segments of one attempt, oldest first. */
export async function listSegments(folder: string, attempt: number): Promise<readonly LogSegment[]> {
  return (await allSegments(folder)).filter((segment) => segment.attempt === attempt)
}

/** All segments of a container, oldest first. Each is there once: while it is being packed, as it was. */
export async function allSegments(folder: string): Promise<readonly LogSegment[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  const plain = new Set(names)
  return names
    .flatMap((name) => {
      const match = /^(\d+)\.(\d+)\.log(\.gz)?$/.exec(name)
      const isPacked = match?.[3] !== undefined
      if (!match || (isPacked && plain.has(name.slice(0, -packedSuffix.length)))) return []
      return [{ attempt: Number(match[1]), segment: Number(match[2]), path: join(folder, name), isPacked }]
    })
    .sort((a, b) => a.attempt - b.attempt || a.segment - b.segment)
}

/** Drops the oldest of an attempt beyond what its limits leave. Packed ones count as what they take, so that more of them stay. */
export async function rotateOut(folder: string, attempt: number, limits: LogLimits): Promise<void> {
  let bytes = 0
  const closed = (await listSegments(folder, attempt)).slice(0, -1)
  for (const { path, isPacked } of closed.toReversed()) {
    bytes += (await stat(path).catch(() => undefined))?.size ?? 0 // packed meanwhile: counted the next time
    if (bytes <= limits.segmentBytesMax * (limits.segmentsMax - 1)) continue
    await rm(path, { force: true })
    if (!isPacked) await rm(path + packedSuffix, { force: true })
  }
}

/** The records of a segment, as latin1; empty when it has been rotated away since it was listed. */
export async function readWhole({ path, isPacked }: LogSegment): Promise<string> {
  const plain = isPacked ? undefined : await readIfThere(path)
  if (plain) return plain.toString('latin1')
  const packed = await readIfThere(isPacked ? path : path + packedSuffix)
  return packed ? (await promisify(gunzip)(packed)).toString('latin1') : ''
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}
