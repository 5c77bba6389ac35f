import { resolve } from 'node:path'
import type { BackupSchedule } from './backup-schedule.ts'
import { CommandError } from './command-error.ts'
import { parseDuration } from './duration-flag.ts'

export interface ScheduleFlags {
  readonly backupDir: string
  readonly backupEvery: string
  readonly backupKeep: string
}

const everyMsMin = 1_000

export function parseSchedule({ backupDir, backupEvery, backupKeep }: ScheduleFlags): BackupSchedule {
  const keep = Number(backupKeep)
  if (!Number.isSafeInteger(keep) || keep < 1)
    throw new CommandError(`--backup-keep ${JSON.stringify(backupKeep)} is no number from 1 up`)
  return {
    place: backupDir.startsWith('s3://') ? backupDir : resolve(backupDir),
    everyMs: Math.max(everyMsMin, parseDuration(backupEvery, '--backup-every')),
    keep,
  }
}
