import { resources } from '../api/table.ts'
import { resourcePrefix } from '../apiserver/keys.ts'
import { realClock } from '../base/clock.ts'
import { decodeBackup } from '../store/backup/backup-format.ts'
import { restore as restoreInto } from '../store/backup/restore.ts'
import { takeSnapshot } from '../store/backup/snapshot.ts'
import { explained, openStoreAt } from './backup.ts'
import { openBackupFile } from './open-backup-place.ts'
import { createDataDir, type DataDir } from './data-dir.ts'

export interface RestoreFlags {
  readonly dir: DataDir
  /** Where to; `sqlite:` is the database of the data directory. */
  readonly store: string
  readonly isForced: boolean
}

type Print = (line: string) => void

/** `sampan restore FILE`: into a store of any kind, which must be empty or is emptied with --force. */
export async function restore(address: string, { dir, store: url, isForced }: RestoreFlags, print: Print) {
  const { place, name } = await openBackupFile(address, { clock: realClock, env: process.env })
  await explained(place.describe(name), async () => {
    const backup = await decodeBackup(place.get(name))
    if (url === 'sqlite:') createDataDir(dir)
    await using store = await openStoreAt(url, dir)
    const { entries, revision } = await restoreInto(store, backup, { isForced, ttlMsOf })
    print(
      `${entries} entries restored, as of ${backup.header.createdAt}; the store is at revision ${revision}`,
    )
  })
}

/** `sampan store migrate FROM TO`: copies one store into another, which must be empty or is emptied with --force. */
export async function migrate(
  { from, to }: { readonly from: string; readonly to: string },
  { dir, isForced }: Omit<RestoreFlags, 'store'>,
  print: Print,
): Promise<void> {
  await explained(`from ${schemeOf(from)} to ${schemeOf(to)}`, async () => {
    await using source = await openStoreAt(from, dir)
    await using target = await openStoreAt(to, dir)
    const snapshot = await takeSnapshot(source, realClock)
    const { entries, revision } = await restoreInto(target, snapshot, { isForced, ttlMsOf })
    print(
      `${entries} entries copied; the new store is at revision ${revision}. Start Sampan with the new --store`,
    )
  })
}

/** A URL may hold a password. */
const schemeOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf(':')))

const mortal = resources.flatMap((def) =>
  def.ttlMs === undefined ? [] : [{ prefix: resourcePrefix(def), ttlMs: def.ttlMs }],
)

/** Backups do not say when an entry expires: it gets its kind's whole life anew. */
export const ttlMsOf = (key: string): number | undefined =>
  mortal.find(({ prefix }) => key.startsWith(prefix))?.ttlMs
