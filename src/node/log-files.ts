/**
 * Where a container's CRI log lies, and in which order it is read.
 *
 *   ROOT/pods/UID/log/NAME/ATTEMPT.SEGMENT.log     segments count up; the highest one grows
 *
 * Both numbers are part of the name, so that nothing is ever renamed while somebody reads it.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from './write-file.ts'

export interface LogLimits {
  readonly segmentBytesMax: number
  readonly segmentsMax: number
}

/** Kubelet's containerLogMaxSize and containerLogMaxFiles. */
export const defaultLogLimits: LogLimits = { segmentBytesMax: 10 * 1024 * 1024, segmentsMax: 5 }

export interface LogSegment {
  readonly attempt: number
  readonly segment: number
  readonly path: string
}

export const segmentPath = (folder: string, attempt: number, segment: number): string =>
  join(folder, `${attempt}.${segment}.log`)

/** All segments of one attempt, oldest first. */
export async function listSegments(folder: string, attempt: number): Promise<readonly LogSegment[]> {
  return (await allSegments(folder)).filter((segment) => segment.attempt === attempt)
}

/** Forgets attempts that are neither running nor the one before. */
export async function removeOldAttempts(folder: string, keep: readonly number[]): Promise<void> {
  for (const { attempt, path } of await allSegments(folder))
    if (!keep.includes(attempt)) await rm(path, { force: true })
}

async function allSegments(folder: string): Promise<readonly LogSegment[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  return names
    .flatMap((name) => {
      const match = /^(\d+)\.(\d+)\.log$/.exec(name)
      return match ? [{ attempt: Number(match[1]), segment: Number(match[2]), path: join(folder, name) }] : []
    })
    .sort((a, b) => a.attempt - b.attempt || a.segment - b.segment)
}
