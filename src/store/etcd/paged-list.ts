import { prefixEnd, compareKeys } from '../keys.ts'
import type { Entry, Range, Revision } from '../store.ts'
import { keyAfterAll, type KeyValue, type RangeRequest, type RangeResponse } from './messages.ts'

export interface PagedListOptions {
  readonly range: Range
  readonly limit: number
  /** Unset: now. */
  readonly at: Revision | undefined
  readonly dataPrefix: string
  readonly ask: (request: RangeRequest) => Promise<RangeResponse>
}

export interface Listed {
  readonly entries: Entry[]
  readonly revision: Revision
  readonly remaining: number
}

/** Their size is not yet known: at worst 4 MiB each. */
const firstPageMax = 100
const pageMin = 16
const pageMax = 10_000
/** Bounds what one answer holds in memory, here and in etcd. */
const pageBytes = 4 * 1024 * 1024

/** A snapshot, read page by page at the revision of the first. The pages grow or shrink with the size of the values. */
export async function listPages({ range, limit, at, dataPrefix, ask }: PagedListOptions): Promise<Listed> {
  const entries: Entry[] = []
  const rangeEnd = prefixEnd(dataPrefix + range.prefix) ?? keyAfterAll
  let revision = at
  let bytes = 0
  for (let after = range.after; ; after = entries.at(-1)?.key) {
    const size = entries.length === 0 ? firstPageMax : pageSize(bytes / entries.length)
    const answer = await ask({
      key: dataPrefix + startOf(range.prefix, after),
      rangeEnd,
      limit: Math.min(size, limit - entries.length),
      ...(revision !== undefined && { revision }),
    })
    revision ??= answer.revision
    for (const found of answer.entries) {
      entries.push(entryOf(found, dataPrefix))
      bytes += found.value.byteLength
    }
    if (!answer.more || entries.length >= limit) {
      return { entries, revision, remaining: Math.max(0, answer.count - answer.entries.length) }
    }
  }
}

export const entryOf = (
  { key, value, modRevision, createRevision }: KeyValue,
  dataPrefix: string,
): Entry => ({
  key: key.slice(dataPrefix.length),
  value,
  revision: modRevision,
  createRevision,
})

const pageSize = (entryBytes: number): number =>
  Math.max(pageMin, Math.min(pageMax, Math.floor(pageBytes / Math.max(1, entryBytes))))

/** The first key that may be listed: the smallest string above `after` is itself with a zero byte. */
function startOf(prefix: string, after: string | undefined): string {
  if (after === undefined || compareKeys(after, prefix) < 0) return prefix
  return `${after}\0`
}
