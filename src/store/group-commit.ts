import { deferred, type Deferred } from '../base/deferred.ts'
import { StoreError } from './store.ts'

// One transaction: beyond this the sync is a small part of it, and readers would wait too long.
const groupWritesMax = 1_024
const groupBytesMax = 8 * 1024 * 1024
/** What may wait in memory; the API server's own limits on requests in flight are far below. */
const waitingBytesMax = 256 * 1024 * 1024

/** Of a write's result: it was not carried out, and joins the next group. */
export const again = Symbol('again')

/**
 * Collects writes while the group before them is being synced, then commits them together: the disk syncs once per
 * group, so the more writers there are, the less each waits for.
 *
 *     submit ─▶ waiting (≤ waitingBytesMax) ─▶ one group in flight ─▶ its results
 */
export interface GroupCommit<W, T> {
  /** Resolves to the write's result, once it is durable. */
  submit(write: W): Promise<T>
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>
}

/** Commits a group; for each write, in order, its result, the error that it is refused with, or `again`. */
export type CommitGroup<W, T> = (writes: readonly W[]) => Promise<readonly (T | StoreError | typeof again)[]>

export interface GroupCommitOptions {
  /** Whoever commits waits for another process: input is read meanwhile, and the event loop needs no turn for it after each. */
  readonly isRemote?: boolean
}

export function createGroupCommit<W extends { readonly key: string; readonly value: Uint8Array }, T>(
  commit: CommitGroup<W, T>,
  { isRemote = false }: GroupCommitOptions = {},
): GroupCommit<W, T> {
  const waiting: { readonly write: W; readonly done: Deferred<T> }[] = []
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
  const putBack = (group: typeof waiting) => {
    for (const { write } of group) waitingBytes += write.value.byteLength
    waiting.unshift(...group)
  }
  const run = async () => {
    while (waiting.length > 0) {
      const group = takeGroup()
      let pause = isRemote && group.length === 1 ? tick : turn
      try {
        const results = await commit(group.map(({ write }) => write))
        putBack(group.filter((_, i) => results[i] === again))
        for (const [i, { done }] of group.entries()) {
          const result = results[i]
          if (result instanceof StoreError) done.reject(result)
          else if (result !== again) done.resolve(result as T)
        }
      } catch (error) {
        for (const { done } of group) done.reject(error as Error)
        pause = turn // perhaps nobody was waited for
      }
      await pause() // lets those just answered submit their next write, so that it joins the next group
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
/** After all promise callbacks that are due, and cheaper than a turn. */
const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))
