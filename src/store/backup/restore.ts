import type { Revision, Store } from '../store.ts'
import type { BackupEntry } from './backup-format.ts'
import { BackupError } from './backup-format.ts'
import type { Snapshot } from './snapshot.ts'

export interface RestoreOptions {
  /** Empties the store first. Default: a store that holds anything is refused. */
  readonly isForced?: boolean
  /** How long an entry lives; a backup does not know. */
  readonly ttlMsOf: (key: string) => number | undefined
}

export interface Restored {
  readonly entries: number
  /** The store's revision now. */
  readonly revision: Revision
}

/**
 * Revisions that the lost control plane may have given out after the backup was taken: a client that still holds one of
 * them must be told that it is gone, not be shown another history under the same numbers.
 */
const revisionsLostMax = 1_000_000
/** Where a store can't skip revisions, each costs a write: some seconds of a busy cluster must do. */
const revisionsWrittenMax = 10_000
const writesAtOnce = 64
const scratchPrefix = '/sampan/restore/'
const pageMax = 500

/**
 * Writes a snapshot into a store of any kind. Its revisions go on above those of the snapshot, and all of those count
 * as compacted, so that whoever watched the old store lists afresh. Throws `BackupError` for a store that is not empty, and for a
 * snapshot that is damaged: then what was written is removed again.
 */
export async function restore(
  store: Store,
  { header, entries }: Pick<Snapshot, 'header' | 'entries'>,
  { isForced = false, ttlMsOf }: RestoreOptions,
): Promise<Restored> {
  const { entries: present } = await store.list({ prefix: '' }, { limit: 1 })
  if (present.length > 0) {
    if (!isForced)
      throw new BackupError(
        'the store is not empty: choose another one, or replace what it holds with --force',
      )
    await removeAll(store)
  }
  const isSkipped = await skip(store, header.revision + revisionsLostMax)
  let count = 0
  const write = async ({ key, value }: BackupEntry) => {
    const ttlMs = ttlMsOf(key)
    await store.create(key, value, ttlMs === undefined ? {} : { ttlMs })
    count++
  }
  try {
    await inParallel(entries, write)
  } catch (error) {
    // Half of a backup must not pass for a whole one.
    await removeAll(store)
    throw error
  }
  if (!isSkipped) await writeRevisions(store, header.revision + revisionsWrittenMax)
  const revision = await store.current()
  if (!isSkipped) await store.compact(revision)
  return { entries: count, revision }
}

async function skip(store: Store, to: Revision): Promise<boolean> {
  if (!store.skipTo) return false
  await store.compact(await store.current())
  await store.skipTo(to)
  return true
}

async function removeAll(store: Store): Promise<void> {
  for (;;) {
    const { entries } = await store.list({ prefix: '' }, { limit: pageMax })
    if (entries.length === 0) return
    await Promise.all(entries.map(({ key }) => store.delete(key)))
  }
}

/** Takes revisions up to `to` by writes that leave nothing behind. */
async function writeRevisions(store: Store, to: Revision): Promise<void> {
  const next = { revision: await store.current() }
  const write = async (worker: number) => {
    if (next.revision >= to) return
    const key = `${scratchPrefix}${worker}`
    let revision = await store.create(key, new Uint8Array())
    while (next.revision < to) {
      revision = await store.update(key, new Uint8Array(), revision)
      next.revision = Math.max(next.revision, revision)
    }
    await store.delete(key, revision)
  }
  await Promise.all(Array.from({ length: writesAtOnce }, (_, worker) => write(worker)))
}

async function inParallel<T>(source: AsyncGenerator<T>, use: (item: T) => Promise<void>): Promise<void> {
  const worker = async () => {
    for (;;) {
      const next = await source.next() // an async generator answers its callers one after the other
      if (next.done === true) return
      await use(next.value)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: writesAtOnce }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
