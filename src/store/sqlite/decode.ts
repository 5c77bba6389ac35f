import { conflictError, existsError, missingError } from '../errors.ts'
import type { Entry, Revision, StoreError, StoreEvent } from '../store.ts'
import { unpack } from './packed.ts'
import type { PackedEntries, ReplayChunk, WriteResults } from './protocol.ts'
import { corruptValueError } from './sqlite-errors.ts'
import type { PendingWrite } from './write-batch.ts'

/** From the columns of `protocol.ts` to the store's own types. */

export interface Written {
  readonly event: StoreEvent
  /** The revision that the write replaced. */
  readonly previousRevision: Revision
}

export interface SettledGroup {
  /** For each write, in order. */
  readonly written: readonly (Written | StoreError)[]
  readonly events: readonly StoreEvent[]
  /** Of the last event; 0 when the whole group was refused. */
  readonly revision: Revision
}

export function settleGroup(
  file: string,
  writes: readonly PendingWrite[],
  results: WriteResults,
): SettledGroup {
  const events: StoreEvent[] = []
  const written = writes.map((write, i) => {
    const refusal = refusalOf(file, write, i, results)
    if (refusal) return refusal
    const event = eventOf(write, i, results)
    events.push(event)
    return { event, previousRevision: results.previousRevisions[i] ?? 0 }
  })
  return { written, events, revision: events.at(-1)?.revision ?? 0 }
}

function refusalOf(
  file: string,
  { key, expected = 0 }: PendingWrite,
  i: number,
  { outcomes, revisions }: WriteResults,
): StoreError | undefined {
  switch (outcomes[i]) {
    case 'exists':
      return existsError(key)
    case 'missing':
      return missingError(key)
    case 'conflict':
      return conflictError(key, expected, revisions[i] ?? 0)
    case 'corrupt':
      return corruptValueError(file, key)
    case 'ok':
    case undefined:
      return undefined
  }
}

function eventOf({ type, key, value }: PendingWrite, i: number, results: WriteResults): StoreEvent {
  const previous = type === 'create' ? undefined : unpack(results.previous, i)
  return {
    type,
    key,
    value: type === 'delete' ? (previous ?? value) : value,
    previous,
    revision: results.revisions[i] ?? 0,
    createRevision: results.createRevisions[i] ?? 0,
  }
}

export const entriesOf = ({ keys, revisions, createRevisions, values }: PackedEntries): Entry[] =>
  keys.map((key, i) => ({
    key,
    value: unpack(values, i),
    revision: revisions[i] ?? 0,
    createRevision: createRevisions[i] ?? 0,
  }))

export const eventsOf = ({ types, entries, previous }: ReplayChunk): StoreEvent[] =>
  entriesOf(entries).map(({ key, value, revision, createRevision }, i) => {
    const type = types[i] ?? 'update'
    const replaced = type === 'create' ? undefined : unpack(previous, i)
    return {
      type,
      key,
      value: type === 'delete' ? (replaced ?? value) : value,
      previous: replaced,
      revision,
      createRevision,
    }
  })
