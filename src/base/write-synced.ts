import { open, rename } from 'node:fs/promises'

/** Puts a secret in place whole: mode 0600, on disk when it resolves; readers see the old text or the new. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
