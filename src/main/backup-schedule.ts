import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { encodeBackup } from '../store/backup/backup-format.ts'
import { takeSnapshot } from '../store/backup/snapshot.ts'
import type { Store } from '../store/store.ts'
import { checkBackup } from './backup.ts'
import { unfinishedSuffix, type BackupPlace } from './backup-place.ts'

export interface BackupSchedule {
  /** A folder or `s3://BUCKET/PREFIX`. */
  readonly place: string
  readonly everyMs: number
  /** That many are kept, the newest. */
  readonly keep: number
}

export interface ScheduledOptions {
  readonly store: Store
  readonly place: BackupPlace
  readonly everyMs: number
  readonly keep: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Theirs alone are pruned: what a person put beside them stays. */
const namePattern = /^sampan-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)Z\.backup$/
/** After a failure sooner than after a success, but not at once. */
const retryMs = 60_000
/** None is written for that long: one that takes longer than history is kept, minutes, fails. */
const abandonedMs = 3_600_000

/** Backs up when the newest backup is `everyMs` old, checks what was written, and removes the oldest. Never rejects. */
export function openScheduledBackups(options: ScheduledOptions): AsyncDisposable {
  const ending = new AbortController()
  const running = run(options, ending.signal)
  return {
    async [Symbol.asyncDispose]() {
      ending.abort()
      await running
    },
  }
}

async function run(options: ScheduledOptions, signal: AbortSignal): Promise<void> {
  const { clock, everyMs, logger, place } = options
  while (!signal.aborted) {
    let waitMs = retryMs
    try {
      waitMs = await dueInMs(options)
      if (waitMs <= 0) {
        await backUp(options)
        waitMs = everyMs
      }
    } catch (error) {
      logger.error('a scheduled backup failed; trying again in a minute', {
        place: place.describe(''),
        error,
      })
    }
    await clock.sleep(waitMs, signal).catch(() => undefined) // the loop's condition sees an abort
  }
}

async function dueInMs({ clock, everyMs, place }: ScheduledOptions): Promise<number> {
  const newest = (await ownBackups(place)).at(-1)
  if (newest === undefined) return 0
  return Math.min(everyMs, madeAtMs(newest) + everyMs - clock.now().getTime())
}

function madeAtMs(name: string): number {
  const text = namePattern.exec(name)?.[1] ?? ''
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11).replaceAll('-', ':')}Z`)
}

async function backUp({ store, place, keep, clock, logger }: ScheduledOptions): Promise<void> {
  const name = `sampan-${clock.now().toISOString().slice(0, 19).replaceAll(':', '-')}Z.backup`
  await removeAbandoned(place, clock.now().getTime()) // before: they may fill the disk
  const { header, entries } = await takeSnapshot(store, clock)
  await place.put(name, encodeBackup(header, entries))
  const checked = await checkBackup({ place, name })
  const own = await ownBackups(place)
  for (const old of own.slice(0, Math.max(0, own.length - keep))) {
    await place.remove(old)
    const proof = proofOf(old)
    if ((await place.list()).includes(proof)) await place.remove(proof)
  }
  logger.info('backed up', { backup: place.describe(name), ...checked })
}

/** What servers that were killed while they backed up have left. */
async function removeAbandoned(place: BackupPlace, nowMs: number): Promise<void> {
  for (const name of await place.list().catch(noFolderYet)) {
    const whole = name.endsWith(unfinishedSuffix) ? name.slice(0, -unfinishedSuffix.length) : ''
    if (namePattern.test(whole) && madeAtMs(whole) < nowMs - abandonedMs) await place.remove(name)
  }
}

/** Oldest first: their names sort by time. */
const ownBackups = async (place: BackupPlace): Promise<readonly string[]> =>
  (await place.list().catch(noFolderYet)).filter((name) => namePattern.test(name))

function noFolderYet(error: unknown): readonly string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
  throw error
}

/** Beside a backup: when a restore of it was last proved to give the same objects. */
export const proofOf = (name: string): string => `${name}.proved.json`
