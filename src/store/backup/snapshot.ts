import type { Clock } from '../../base/clock.ts'
import { sampanVersion } from '../../base/version.ts'
import type { Revision, Store } from '../store.ts'
import type { BackupEntry, BackupHeader } from './backup-format.ts'

/** Entries read at a time: some MiB, and a bounded pause for writers. */
const pageMax = 500

export interface Snapshot {
  readonly header: BackupHeader
  readonly entries: AsyncGenerator<BackupEntry>
}

/**
 * All entries as of now, while writes go on. Reading must end before that revision is compacted, which takes minutes;
 * otherwise `entries` throws `compacted`.
 */
export async function takeSnapshot(store: Store, clock: Clock): Promise<Snapshot> {
  const revision = await store.current()
  const { entries: first, remaining } = await store.list({ prefix: '' }, { at: revision, limit: 1 })
  const header: BackupHeader = {
    format: 1,
    createdAt: clock.now().toISOString(),
    revision,
    entries: first.length + remaining,
    version: sampanVersion,
  }
  return { header, entries: entriesAt(store, revision) }
}

async function* entriesAt(store: Store, at: Revision): AsyncGenerator<BackupEntry> {
  for (let after: string | undefined; ;) {
    const range = { prefix: '', ...(after !== undefined && { after }) }
    const page = await store.list(range, { at, limit: pageMax })
    for (const { key, value } of page.entries) yield { key, value }
    after = page.entries.at(-1)?.key
    if (!page.more || after === undefined) return
  }
}
