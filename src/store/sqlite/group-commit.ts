import { deferred, type Deferred } from '../../base/deferred.ts'
import { StoreError, type Revision } from '../store.ts'
import { pack } from './packed.ts'
import { anyRevision, type WriteBatch, type WriteResults, type WriteType } from './protocol.ts'

// One transaction: beyond this the sync is a small part of it, and readers would wait too long.
const groupWritesMax = 1_024
const groupBytesMax = 8 * 1024 * 1024
/** What may wait in memory; the API server's own limits on requests in flight are far below. */
const waitingBytesMax = 256 * 1024 * 1024

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

/**
 * Collects writes while the group before them is being synced, then commits them together: the disk syncs once per
 * group, so the more writers there are, the less each waits for.
 *
 *     submit ─▶ waiting (≤ waitingBytesMax) ─▶ one group in flight ─▶ settle
 */
export interface GroupCommit<T> {
  /** Resolves to what `settle` made of the write, once it is durable. */
  submit(write: PendingWrite): Promise<T>
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>
}

export interface GroupCommitOptions<T> {
  readonly commit: (batch: WriteBatch) => Promise<WriteResults>
  /** Called with each committed group, in order: for each write its result, or the error that it is refused with. */
  readonly settle: (writes: readonly PendingWrite[], results: WriteResults) => readonly (T | StoreError)[]
}

export function createGroupCommit<T>({ commit, settle }: GroupCommitOptions<T>): GroupCommit<T> {
  const waiting: { readonly write: PendingWrite; readonly done: Deferred<T> }[] = []
  let waitingBytes = 0
  let isBusy = false
  const idle: Deferred<void>[] = []

  const takeGroup = () => {
    let bytes = 0
    let count = 0
    while (count < waiting.length && count < groupWritesMax && bytes < groupBytesMax) {
      bytes += waiting[count++]?.write.value.byteLength ?? 0
    }
    waitingBytes -= bytes
    return waiting.splice(0, count)
  }
  const run = async () => {
    while (waiting.length > 0) {
      const group = takeGroup()
      const writes = group.map(({ write }) => write)
      try {
        const results = settle(writes, await commit(toBatch(writes)))
        for (const [i, { done }] of group.entries()) {
          const result = results[i]
          if (result instanceof StoreError) done.reject(result)
          else done.resolve(result as T)
        }
      } catch (error) {
        for (const { done } of group) done.reject(error as Error)
      }
      await turn() // lets those just answered submit their next write, so that it joins the next group
    }
    isBusy = false
    for (const done of idle.splice(0)) done.resolve()
  }
  return {
    submit(write) {
      if (waitingBytes + write.value.byteLength > waitingBytesMax) {
        throw new StoreError(
          'unavailable',
          `More than ${waitingBytesMax} bytes wait to be written; this write was not. Try again in a moment.`,
          { key: write.key },
        )
      }
      const done = deferred<T>()
      waiting.push({ write, done })
      waitingBytes += write.value.byteLength
      if (!isBusy) {
        isBusy = true
        setImmediate(() => void run())
      }
      return done.promise
    },
    idle() {
      const done = deferred()
      if (isBusy) idle.push(done)
      else done.resolve()
      return done.promise
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const toBatch = (writes: readonly PendingWrite[]): WriteBatch => ({
  types: writes.map(({ type }) => type),
  keys: writes.map(({ key }) => key),
  // A negative expectation must not pass for "any": it matches nothing, as 0 does.
  expected: Float64Array.from(writes, ({ expected }) =>
    expected === undefined ? anyRevision : Math.max(0, expected),
  ),
  dueMs: Float64Array.from(writes, ({ dueMs }) => dueMs),
  values: pack(writes.map(({ value }) => value)),
})
