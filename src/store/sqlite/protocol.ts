import type { Revision, StoreErrorCode } from '../store.ts'
import type { Packed } from './packed.ts'

/**
 * What the main thread and the database's thread say to each other. Requests are carried out in the order in which
 * they are posted, and their answers come back in that order: the store's consistency rests on it.
 */
export interface Calls {
  open: { args: OpenArgs; result: Opened }
  write: { args: WriteBatch; result: WriteResults }
  get: { args: GetArgs; result: Found }
  list: { args: ListArgs; result: ListChunk }
  replay: { args: ReplayArgs; result: ReplayChunk }
  due: { args: DueArgs; result: Due }
  compact: { args: CompactArgs; result: Compacted }
  skip: { args: SkipArgs; result: Skipped }
  scrub: { args: ScrubArgs; result: Scrubbed }
  close: { args: null; result: null }
}
export type CallName = keyof Calls

export interface Request<N extends CallName = CallName> {
  readonly id: number
  readonly name: N
  readonly args: Calls[N]['args']
}

export type Response =
  | { readonly id: number; readonly result: Calls[CallName]['result'] }
  | { readonly id: number; readonly error: WireError }

export interface WireError {
  readonly code: StoreErrorCode
  readonly message: string
  readonly key: string | undefined
  readonly cause: string | undefined
}

export interface OpenArgs {
  readonly file: string
  /** The file does not grow beyond this; unset means as far as the disk goes. */
  readonly fileBytesMax: number | undefined
}

export interface Opened {
  readonly revision: Revision
  readonly compacted: Revision
  /** When the first key expires. */
  readonly nextDueMs: number | undefined
  /** What the operator should know though nothing is wrong with what is there. */
  readonly notes: readonly string[]
}

export const writeTypes = ['create', 'update', 'delete'] as const
export type WriteType = (typeof writeTypes)[number]

/** In `expected`: the key may have any revision. */
export const anyRevision = -1

/** One transaction: a group of writes in columns, element `i` of each belonging to write `i`. */
export interface WriteBatch {
  readonly types: readonly WriteType[]
  readonly keys: readonly string[]
  /** The revision that the key must have, or `anyRevision`. */
  readonly expected: Float64Array
  /** When the key expires; 0: never. */
  readonly dueMs: Float64Array
  readonly values: Packed
}

export type WriteOutcome = 'ok' | 'exists' | 'missing' | 'conflict' | 'corrupt'

export interface WriteResults {
  readonly outcomes: readonly WriteOutcome[]
  /** `ok`: the write's revision. `conflict`: the key's present one. */
  readonly revisions: Float64Array
  readonly createRevisions: Float64Array
  /** The revision that was replaced; 0 for a create. */
  readonly previousRevisions: Float64Array
  /** The values that were replaced; empty for a create. */
  readonly previous: Packed
}

export interface GetArgs {
  readonly key: string
  readonly at: Revision | undefined
}

export interface Found {
  readonly revision: Revision
  readonly entries: PackedEntries
}

export interface PackedEntries {
  readonly keys: readonly string[]
  readonly revisions: Float64Array
  readonly createRevisions: Float64Array
  readonly values: Packed
}

export interface ListArgs {
  readonly prefix: string
  readonly after: string | undefined
  readonly at: Revision | undefined
  /** A chunk ends here or at its own bound, whichever comes first. */
  readonly limit: number
  /** Count what is left when `limit` cuts the list. */
  readonly isCounted: boolean
}

export interface ListChunk extends Found {
  readonly more: boolean
  readonly remaining: number
}

export interface ReplayArgs {
  readonly prefix: string
  readonly after: string | undefined
  readonly from: Revision
  readonly to: Revision
}

export interface ReplayChunk {
  /** The chunk holds everything up to here. */
  readonly revision: Revision
  readonly types: readonly WriteType[]
  /** Of a delete, the value is empty: it is the previous one. */
  readonly entries: PackedEntries
  readonly previous: Packed
}

export interface DueArgs {
  readonly nowMs: number
}

export interface Due {
  readonly keys: readonly string[]
  readonly revisions: Float64Array
  /** When the first key that is not yet due expires. */
  readonly nextDueMs: number | undefined
}

export interface CompactArgs {
  readonly before: Revision
}

export interface Compacted {
  readonly compacted: Revision
  /** False: call again, there is more to forget or to give back. */
  readonly isDone: boolean
}

export interface ScrubArgs {
  readonly isFirst: boolean
}

export interface Scrubbed {
  /** False: call again for the next step. */
  readonly isDone: boolean
}

export interface SkipArgs {
  readonly to: Revision
}

export interface Skipped {
  /** False: the store holds something, and nothing was done. */
  readonly isEmpty: boolean
}

/** The buffers of a message that move to the other thread instead of being copied. */
export function transferables(message: object): ArrayBuffer[] {
  const found: ArrayBuffer[] = []
  for (const value of Object.values(message)) {
    if (typeof value !== 'object' || value === null) continue
    if ('bytes' in value && value.bytes instanceof Uint8Array && value.bytes.buffer instanceof ArrayBuffer) {
      found.push(value.bytes.buffer)
    } else if ('values' in value && typeof value.values === 'object' && value.values !== null) {
      found.push(...transferables(value))
    }
  }
  return found
}
