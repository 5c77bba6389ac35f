/** The names of the files in a stateDir, and how small files are read; `records.ts` says what is in them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type RecordName =
  | 'spec.json'
  | 'preload.cjs'
  | 'stdin'
  | 'stdin-end'
  | 'pid'
  | 'holder'
  | 'lease'
  | 'fence'
  | 'fenced'
  | 'child'
  | 'exit'
  | 'cgroups'
  | 'oom'
  | 'seccomp'
export const recordFile = (stateDir: string, name: RecordName) => join(stateDir, name)

/** Undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (e) {
    if (isMissing(e)) return undefined
    throw e
  }
}

/** ENODEV: a control group was removed while its file was open. */
const missingCodes: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ENODEV']

export const isMissing = (e: unknown): boolean =>
  e instanceof Error && 'code' in e && missingCodes.includes(e.code)
