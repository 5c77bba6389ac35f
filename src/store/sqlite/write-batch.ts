import type { Revision } from '../store.ts'
import { pack } from './packed.ts'
import { anyRevision, type WriteBatch, type WriteType } from './protocol.ts'

export interface PendingWrite {
  readonly type: WriteType
  readonly key: string
  /** Owned by the store; empty for a delete. */
  readonly value: Uint8Array
  /** Undefined: any. */
  readonly expected: Revision | undefined
  /** 0: never. */
  readonly dueMs: number
}

export const toBatch = (writes: readonly PendingWrite[]): WriteBatch => ({
  types: writes.map(({ type }) => type),
  keys: writes.map(({ key }) => key),
  // A negative expectation must not pass for "any": it matches nothing, as 0 does.
  expected: Float64Array.from(writes, ({ expected }) =>
    expected === undefined ? anyRevision : Math.max(0, expected),
  ),
  dueMs: Float64Array.from(writes, ({ dueMs }) => dueMs),
  values: pack(writes.map(({ value }) => value)),
})
