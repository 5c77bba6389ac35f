import type { Revision, Store } from '../store.ts'
import type { BackupEntry } from './backup-format.ts'
import { BackupError } from './backup-format.ts'
import type { Snapshot } from './snapshot.ts'

export interface RestoreOptions {
  /** Empties the store first. Default: a store that holds anything is refused. */
  readonly isForced?: boolean
  /** How long an entry lives; a backup does not know. */
  readonly ttlMsOf: (key: string) => number | undefined
  readonly onProgress?: OnProgress
}

/** `what` has been done `done` times, of `total` if that is known. Called often: it must be cheap. */
export type OnProgress = (
  what: 'entries removed' | 'revisions skipped' | 'entries restored',
  done: number,
  total?: number,
) => void

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
/** Where each costs a write: some seconds of a busy cluster must do. */
const revisionsWrittenMax = 10_000
const writesAtOnce = 64
const pageMax = 500

/**
 * Writes a snapshot into a store of any kind. Its revisions go on above those of the snapshot, and all of those count
 * as compacted, so that whoever watched the old store lists afresh. Throws `BackupError` for a store that is not empty, and for a
 * snapshot that is damaged: then what was written is removed again, or the error says that it could not be.
 */
export async function restore(
  store: Store,
  { header, entries }: Pick<Snapshot, 'header' | 'entries'>,
  { isForced = false, ttlMsOf, onProgress = () => {} }: RestoreOptions,
): Promise<Restored> {
  const present = await store.list({ prefix: '' }, { limit: 1 })
  if (present.entries.length > 0) {
    if (!isForced)
      throw new BackupError(
        'the store is not empty: choose another one, or replace what it holds with --force',
      )
    await removeAll(store, onProgress)
  }
  await skip(store, header.revision, onProgress)
  let count = 0
  const write = async ({ key, value }: BackupEntry) => {
    const ttlMs = ttlMsOf(key)
    await store.create(key, value, ttlMs === undefined ? {} : { ttlMs })
    onProgress('entries restored', ++count, header.entries)
  }
  try {
    await inParallel(entries, write)
  } catch (error) {
    // Half of a backup must not pass for a whole one.
    await removeAll(store, onProgress).catch(() => {
      throw new BackupError(
        `the restore broke off: ${error instanceof Error ? error.message : String(error)}; the store may hold part of the backup, which could not be removed again: repeat the restore with --force before anything uses the store`,
        { cause: error },
      )
    })
    throw error
  }
  return { entries: count, revision: await store.current() }
}

async function skip(store: Store, backedUp: Revision, onProgress: OnProgress): Promise<void> {
  const from = await store.current()
  await store.compact(from)
  const to = backedUp + (store.capabilities.skipsFreely ? revisionsLostMax : revisionsWrittenMax)
  await store.skipTo(to, (revision) => onProgress('revisions skipped', revision - from, to - from))
}

async function removeAll(store: Store, onProgress: OnProgress): Promise<void> {
  for (let removed = 0; ;) {
    const { entries, remaining } = await store.list({ prefix: '' }, { limit: pageMax })
    if (entries.length === 0) return
    await Promise.all(entries.map(({ key }) => store.delete(key)))
    removed += entries.length
    onProgress('entries removed', removed, removed + remaining)
  }
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
