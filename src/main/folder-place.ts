import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unfinishedSuffix, type BackupPlace } from './backup-place.ts'

export function folderPlace(folder: string): BackupPlace {
  return {
    async put(name, content) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const path = join(folder, name)
      const unfinished = path + unfinishedSuffix
      const file = await open(unfinished, 'w', 0o600)
      try {
        for await (const chunk of content) await file.writeFile(chunk)
        await file.sync()
        await file.close()
        await rename(unfinished, path)
      } catch (error) {
        await file.close()
        await rm(unfinished, { force: true })
        throw error
      }
      await syncFolder(folder)
    },
    get: (name) => createReadStream(join(folder, name)),
    list: async () => (await readdir(folder)).toSorted(),
    remove: (name) => rm(join(folder, name)),
    describe: (name) => join(folder, name),
  }
}

/** So that the file's name survives a power loss too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
