import { resources } from '../api/table.ts'
import { resourcePrefix } from '../apiserver/keys.ts'
import { realClock } from '../base/clock.ts'
import { decodeBackup } from '../store/backup/backup-format.ts'
import { restore as restoreInto, type Restored } from '../store/backup/restore.ts'
import { takeSnapshot, type Snapshot } from '../store/backup/snapshot.ts'
import type { Store } from '../store/store.ts'
import { explained, openStoreAt } from './backup.ts'
import { openBackupFile } from './open-backup-place.ts'
import { createDataDir, type DataDir } from './data-dir.ts'
import { createProgress } from './progress.ts'

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
  const { header, entries, revision } = await explained(place.describe(name), async () => {
    const backup = await decodeBackup(place.get(name))
    if (url === 'sqlite:') createDataDir(dir)
    await using store = await openStoreAt(url, dir)
    return { header: backup.header, ...(await restoreVisibly(store, backup, isForced)) }
  })
  print(`${entries} entries restored, as of ${header.createdAt}; the store is at revision ${revision}`)
}

/** `sampan store migrate FROM TO`: copies one store into another, which must be empty or is emptied with --force. */
export async function migrate(
  { from, to }: { readonly from: string; readonly to: string },
  { dir, isForced }: Omit<RestoreFlags, 'store'>,
  print: Print,
): Promise<void> {
  const what = `from ${schemeOf(from)} to ${schemeOf(to)}`
  const { entries, revision } = await explained(what, async () => {
    await using source = await openStoreAt(from, dir)
    await using target = await openStoreAt(to, dir)
    return await restoreVisibly(target, await takeSnapshot(source, realClock), isForced)
  })
  print(
    `${entries} entries copied; the new store is at revision ${revision}. Start Sampan with the new --store`,
  )
}

async function restoreVisibly(store: Store, snapshot: Snapshot, isForced: boolean): Promise<Restored> {
  using progress = createProgress(process.stderr, realClock)
  return await restoreInto(store, snapshot, { isForced, ttlMsOf, onProgress: progress.note })
}

/** A URL may hold a password. */
const schemeOf = (url: string): string => url.slice(0, Math.max(0, url.indexOf(':')))

const mortal = resources.flatMap((def) =>
  def.ttlMs === undefined ? [] : [{ prefix: resourcePrefix(def), ttlMs: def.ttlMs }],
)

/** Backups do not say when an entry expires: it gets its kind's whole life anew. */
export const ttlMsOf = (key: string): number | undefined =>
  mortal.find(({ prefix }) => key.startsWith(prefix))?.ttlMs
