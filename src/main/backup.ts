import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { BackupError, decodeBackup, encodeBackup } from '../store/backup/backup-format.ts'
import { takeSnapshot } from '../store/backup/snapshot.ts'
import { openStore } from '../store/open.ts'
import { isStoreError, type Store } from '../store/store.ts'
import { adminCall } from './admin-call.ts'
import { backupPath } from './backup-path.ts'
import { openBackupFile, type BackupAddress } from './open-backup-place.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'
import { readRunning } from './data-dir-hold.ts'
import { isAlive } from './process-identity.ts'
import { counted, createProgress, type Progress } from './progress.ts'

export interface BackupFlags {
  readonly dir: DataDir
  /** Read this store itself; unset: ask the running server. */
  readonly store?: string
}

type Print = (line: string) => void

/** `sampan backup FILE`: what the store holds now, while everything goes on. What was written is read again and checked. */
export async function backup(address: string, { dir, store: url }: BackupFlags, print: Print): Promise<void> {
  const target = await openBackupFile(address, { clock: realClock, env: process.env })
  const { place, name } = target
  const { revision, entries } = await explained(place.describe(name), async () => {
    using progress = createProgress(process.stderr, realClock)
    if (url === undefined) {
      const onBytes = (bytes: number) => progress.note('MiB received', Math.floor(bytes / 2 ** 20))
      await adminCall(dir, { method: 'GET', path: backupPath }, (body) =>
        place.put(name, counted(body, onBytes, lengthOf)),
      )
    } else {
      await using store = await openStoreAt(url, dir)
      const { header, entries } = await takeSnapshot(store, realClock)
      const onEntry = (done: number) => progress.note('entries written', done, header.entries)
      await place.put(name, encodeBackup(header, counted(entries, onEntry)))
    }
    return checkBackup(target, progress)
  })
  print(`${place.describe(name)}: ${entries} entries as of revision ${revision}`)
}

const lengthOf = ({ length }: Uint8Array): number => length

export interface Checked {
  readonly revision: number
  readonly createdAt: string
  readonly entries: number
}

/** Reads the backup from beginning to end. Throws `BackupError`. */
export async function checkBackup({ place, name }: BackupAddress, progress?: Progress): Promise<Checked> {
  const { header, entries } = await decodeBackup(place.get(name))
  let count = 0
  for await (const _ of entries) {
    count++
    progress?.note('entries checked', count, header.entries)
  }
  return { revision: header.revision, createdAt: header.createdAt, entries: count }
}

/** `sqlite:` is the database of the data directory. Throws `CommandError`. */
export async function openStoreAt(url: string, dir: DataDir): Promise<Store> {
  if (url.startsWith('memory:'))
    throw new CommandError(
      'a store in memory is gone when this command ends: write sqlite:, sqlite:/FILE, etcd://… or postgres://…',
    )
  try {
    return await openStore(url === 'sqlite:' ? `sqlite:${dir.database}` : url, {
      clock: realClock,
      logger: silentLogger,
    })
  } catch (error) {
    if (!isStoreError(error)) throw error
    const running = url === 'sqlite:' ? readRunning(dir) : undefined
    if (!running || !isAlive(running.supervisor)) throw new CommandError(error.message, { cause: error })
    const { pid } = running.supervisor
    throw new CommandError(
      `Sampan runs in ${dir.root}, as process ${pid}, and nobody else may open its store meanwhile: end it with \`kill ${pid}\`, which leaves apps running, then run this again`,
      { cause: error },
    )
  }
}

/** The errors of stores, files and backups, as sentences with the backup's name. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof BackupError) throw new CommandError(`${what}: ${error.message}`, { cause: error })
    if (isStoreError(error)) throw new CommandError(error.message, { cause: error })
    if (error instanceof Error && 'syscall' in error)
      throw new CommandError(`${what}: ${error.message}`, { cause: error })
    throw error
  }
}
