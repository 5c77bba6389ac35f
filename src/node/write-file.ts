import { closeSync, existsSync, fchmodSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { draftOf, removeLeftDrafts } from '../base/draft.ts'

/**
 * Puts a file in place whole: readers see the old content or the new one. Not synced to the platter: after a power
 * loss every process the records speak of is gone too. For a few KiB, hence at once: five steps of which each would take longer
 * to hand over to another thread than to do.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = openSync(draft, 'wx', mode)
    try {
      writeFileSync(file, content)
      fchmodSync(file, mode) // the process's umask doesn't apply to what an object asks for
    } finally {
      closeSync(file)
    }
    // In the place of another file ext4 first writes the new one out, which is for another thread to wait for.
    if (existsSync(path)) await rename(draft, path)
    else renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  removeLeftDrafts(path)
}

export const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
