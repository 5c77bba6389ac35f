import assert from 'node:assert/strict'

import {
  StoreError,
  type Range,
  type Revision,
  type Store,
  type StoreErrorCode,
  type StoreEvent,
} from '../store.ts'

/** By what it says, the test of each property; it gets an empty store of its own. */
export type Properties = Readonly<Record<string, (store: Store, signal: AbortSignal) => Promise<void>>>

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value)

export const all: Range = { prefix: '' }

/** The error that `action` throws, which must be a StoreError of this code. */
export async function thrown(code: StoreErrorCode, action: () => Promise<unknown>): Promise<StoreError> {
  let result: unknown
  try {
    result = await action()
  } catch (error) {
    assert(error instanceof StoreError, `a StoreError was expected, not ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return error
  }
  return assert.fail(`'${code}' was expected, but it resolved to ${JSON.stringify(result)}`)
}

/** Creates keys one after the other, each with its own name as value; the revision of the last. */
export async function fill(store: Store, keys: readonly string[]): Promise<Revision> {
  let revision = 0
  for (const key of keys) revision = await store.create(key, bytes(key))
  return revision
}

export const keysOf = async (store: Store, prefix: string, at?: Revision): Promise<string[]> => {
  const page = await store.list({ prefix }, at === undefined ? {} : { at })
  return page.entries.map(({ key }) => key)
}

export interface Watched {
  readonly events: StoreEvent[]
  readonly revision: Revision
}

/** Watches until everything up to `until` was seen, checking on the way what holds for every watch. */
export async function watchUntil(
  store: Store,
  {
    range = all,
    from,
    until,
    signal,
  }: { range?: Range; from: Revision; until: Revision; signal: AbortSignal },
): Promise<Watched> {
  return collect(store, { range, from, signal, isEnd: (_events, revision) => revision >= until })
}

/** The events of a watch until there are `count` of them, or until one of `lastKey`; for who does not know their revisions yet. */
export async function watchEvents(
  store: Store,
  options: { range?: Range; from: Revision; count?: number; lastKey?: string; signal: AbortSignal },
): Promise<StoreEvent[]> {
  const { range = all, from, count = Infinity, lastKey, signal } = options
  const isEnd = (events: readonly StoreEvent[]) =>
    events.length >= count || (lastKey !== undefined && events.at(-1)?.key === lastKey)
  return (await collect(store, { range, from, signal, isEnd })).events
}

interface Collecting {
  readonly range: Range
  readonly from: Revision
  readonly signal: AbortSignal
  readonly isEnd: (events: readonly StoreEvent[], revision: Revision) => boolean
}

async function collect(store: Store, { range, from, signal, isEnd }: Collecting): Promise<Watched> {
  const events: StoreEvent[] = []
  let seen = from
  for await (const batch of store.watch(range, from, signal)) {
    for (const [i, event] of batch.events.entries()) {
      const { revision = from, key } = events.at(-1) ?? {}
      // Keys that expire together may go together.
      const isTogether = i > 0 && event.type === 'delete' && event.revision === revision && event.key !== key
      assert(event.revision > revision || isTogether, 'events come in the order of revisions, each once')
      assert(event.revision <= batch.revision, 'a batch is not ahead of its revision')
      events.push(event)
    }
    assert(batch.revision >= seen, 'progress never goes back')
    seen = batch.revision
    if (isEnd(events, seen)) return { events, revision: seen }
  }
  return assert.fail(`the watch ended at ${seen}, after ${events.length} events`)
}

/** One line per event: `create /a 1=1` is type, key, revision and value. */
export const described = ({ type, key, revision, value }: StoreEvent): string =>
  `${type} ${key} ${revision}=${text(value) ?? ''}`
