import { open, rename, rm } from 'node:fs/promises'

/**
 * Puts a file in place whole: readers see the old content or the new one. Not synced to the platter: after a power
 * loss every process the records speak of is gone too.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const temporary = `${path}.new`
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await file.writeFile(content)
      await file.chmod(mode) // the process's umask doesn't apply to what an object asks for
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

export const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
