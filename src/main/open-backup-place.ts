import { basename, dirname, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { BackupPlace } from './backup-place.ts'
import { CommandError } from './command-error.ts'
import { folderPlace } from './folder-place.ts'

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
