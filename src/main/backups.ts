import type { OwnPaths } from '../apiserver/paths.ts'
import { realClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Store } from '../store/store.ts'
import { backupPaths } from './backup-path.ts'
import { openBackupPlace } from './open-backup-place.ts'
import { openScheduledBackups, type BackupSchedule } from './backup-schedule.ts'

export interface BackupsOptions {
  /** As it is, Secrets encrypted. Not owned. */
  readonly store: Store
  readonly schedule: BackupSchedule | undefined
  readonly logger: Logger
}

export interface Backups extends AsyncDisposable {
  readonly paths: OwnPaths
}

/** A server's part in backups: it hands them out when asked, and makes them by schedule. */
export async function openBackups({ store, schedule, logger }: BackupsOptions): Promise<Backups> {
  const paths = backupPaths(store, realClock)
  if (!schedule) return { paths, [Symbol.asyncDispose]: async () => {} }
  const place = await openBackupPlace(schedule.place, { clock: realClock, env: process.env })
  const scheduled = openScheduledBackups({ ...schedule, store, place, clock: realClock, logger })
  return { paths, [Symbol.asyncDispose]: () => scheduled[Symbol.asyncDispose]() }
}
