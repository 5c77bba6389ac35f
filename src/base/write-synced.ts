import { open, rename, rm } from 'node:fs/promises'
import { draftOf, removeLeftDrafts } from './draft.ts'

/** Puts a secret in place whole: mode 0600, on disk when it resolves; readers see the old text or the new. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  removeLeftDrafts(path)
}
