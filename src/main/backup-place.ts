import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { CommandError } from './command-error.ts'

/** A folder, on this machine or in an object store, with backups in it. */
export interface BackupPlace {
  /** Whole under its name when it resolves, for its owner alone; nothing is there when it rejects. */
  put(name: string, content: AsyncIterable<Uint8Array>): Promise<void>
  get(name: string): AsyncIterable<Uint8Array>
  /** Names, sorted. */
  list(): Promise<readonly string[]>
  remove(name: string): Promise<void>
  /** For messages. */
  describe(name: string): string
}

export interface BackupAddress {
  readonly place: BackupPlace
  /** Empty: the place itself. */
  readonly name: string
}

interface PlaceContext {
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
}

/** `DIR/NAME`, or `s3://BUCKET/PREFIX/NAME`. */
export async function openBackupFile(address: string, context: PlaceContext): Promise<BackupAddress> {
  if (!address.startsWith('s3://'))
    return { place: folderPlace(dirname(resolve(address))), name: basename(address) }
  const slash = address.lastIndexOf('/')
  const name = address.slice(slash + 1)
  if (slash < 's3://b'.length || name === '')
    throw new CommandError(`${address} names no backup: write s3://BUCKET/NAME or s3://BUCKET/PREFIX/NAME`)
  return { place: await openBackupPlace(address.slice(0, slash), context), name }
}

/** `DIR`, or `s3://BUCKET/PREFIX`. */
export async function openBackupPlace(address: string, { clock, env }: PlaceContext): Promise<BackupPlace> {
  if (!address.startsWith('s3://')) return folderPlace(resolve(address))
  const { s3Place, s3SettingsOf } = await import('./s3-place.ts')
  return s3Place(s3SettingsOf(address, env), clock)
}

function folderPlace(folder: string): BackupPlace {
  return {
    async put(name, content) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const path = join(folder, name)
      const unfinished = `${path}.unfinished`
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
