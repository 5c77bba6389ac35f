import { crc32 } from 'node:zlib'

import type { Revision } from '../store.ts'

/**
 * Where the store stands after a transaction. It is one row of one table, so each transaction writes its page once; the
 * log on disk can therefore be asked, without SQLite, how far it goes (`wal-scan.ts`).
 */
export interface State {
  /** The last committed revision. */
  revision: Revision
  compacted: Revision
  /** Over the rows of `live`. */
  live: Digest
  /** Over the rows of `past`. */
  past: Digest
}

/**
 * A number of rows and the sum of their hashes: rows come and go in any order at the cost of one hash each, and any single row that
 * was changed, lost or added by damage shows; two that cancel out do so once in four billion times.
 */
export interface Digest {
  readonly count: number
  readonly sum: number
}

export const noRows: Digest = { count: 0, sum: 0 }
const sumModulus = 2 ** 52 // sums and differences stay exact

export const plus = ({ count, sum }: Digest, hash: number): Digest => ({
  count: count + 1,
  sum: (sum + hash) % sumModulus,
})

export const minus = ({ count, sum }: Digest, hash: number): Digest => ({
  count: count - 1,
  sum: (sum - hash + sumModulus) % sumModulus,
})

export const isSameDigest = (a: Digest, b: Digest): boolean => a.count === b.count && a.sum === b.sum

export const liveHash = (key: string, revision: Revision, dueMs: number | null): number =>
  crc32(`live ${revision} ${dueMs ?? 0} ${key}`)

export const pastHash = (key: string, until: Revision, revision: Revision): number =>
  crc32(`past ${until} ${revision} ${key}`)

const magic = Buffer.from('SampanS2', 'latin1')
export const stateBytes = 8 + 6 * 8 + 4

export function encodeState({ revision, compacted, live, past }: State): Buffer {
  const bytes = Buffer.allocUnsafe(stateBytes)
  magic.copy(bytes)
  for (const [i, value] of [revision, compacted, live.count, live.sum, past.count, past.sum].entries()) {
    bytes.writeDoubleBE(value, 8 + 8 * i)
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(0, stateBytes - 4)), stateBytes - 4)
  return bytes
}

/** Undefined for anything but the whole, intact bytes of a state. */
export function decodeState(bytes: Buffer): State | undefined {
  if (bytes.length !== stateBytes || !bytes.subarray(0, 8).equals(magic)) return undefined
  if (crc32(bytes.subarray(0, stateBytes - 4)) !== bytes.readUInt32BE(stateBytes - 4)) return undefined
  const at = (i: number) => bytes.readDoubleBE(8 + 8 * i)
  return {
    revision: at(0),
    compacted: at(1),
    live: { count: at(2), sum: at(3) },
    past: { count: at(4), sum: at(5) },
  }
}

/** Whether these bytes are where a state begins, sound or not. */
export const isStateLike = (bytes: Buffer): boolean => bytes.subarray(0, 8).equals(magic)
