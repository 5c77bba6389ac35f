import { conflictError, missingError } from '../errors.ts'
import { compareKeys, lowerBound } from '../keys.ts'
import type { Entry, Page, Range, Revision, StoreEvent } from '../store.ts'

/** Everything a memory store knows. `revision - compacted` is the length of `log`. */
export interface MemoryState {
  revision: Revision
  compacted: Revision
  /** The events of the revisions `compacted` + 1 … `revision`. */
  readonly log: StoreEvent[]
  /** Keys that exist at some kept revision, in key order. */
  readonly keys: string[]
  /** For each of `keys`, what it was since which revision, oldest first; never empty. */
  readonly lives: Map<string, Since[]>
}

interface Since {
  readonly revision: Revision
  /** Absent: deleted. */
  readonly entry: Entry | undefined
}

export type Change =
  | { readonly type: 'create' | 'update'; readonly value: Uint8Array }
  | { readonly type: 'delete' }

export const createMemoryState = (): MemoryState => ({
  revision: 0,
  compacted: 0,
  log: [],
  keys: [],
  lives: new Map(),
})

export const entryAt = (state: MemoryState, key: string, at: Revision): Entry | undefined =>
  state.lives.get(key)?.findLast(({ revision }) => revision <= at)?.entry

/** The entry that a write with this expectation may change. Throws `missing` or `conflict`. */
export function matched(state: MemoryState, key: string, expected: Revision | undefined): Entry {
  const present = entryAt(state, key, state.revision)
  if (!present) throw missingError(key)
  if (expected !== undefined && present.revision !== expected) {
    throw conflictError(key, expected, present.revision)
  }
  return present
}

/** Takes the next revision. */
export function apply(
  state: MemoryState,
  key: string,
  change: Change,
  present: Entry | undefined,
): StoreEvent {
  const revision = ++state.revision
  const createRevision = present?.createRevision ?? revision
  const entry = change.type === 'delete' ? undefined : { key, value: change.value, revision, createRevision }
  const lives = state.lives.get(key)
  if (lives) lives.push({ revision, entry })
  else {
    state.keys.splice(lowerBound(state.keys, key), 0, key)
    state.lives.set(key, [{ revision, entry }])
  }
  const value = entry?.value ?? present?.value ?? new Uint8Array()
  const event: StoreEvent = {
    type: change.type,
    key,
    value,
    previous: present?.value,
    revision,
    createRevision,
  }
  state.log.push(event)
  return event
}

export function pageAt(state: MemoryState, range: Range, limit: number, at: Revision): Page {
  const { prefix, after } = range
  const start = after === undefined || compareKeys(after, prefix) < 0 ? prefix : after
  const entries: Entry[] = []
  let remaining = 0
  for (let i = lowerBound(state.keys, start); i < state.keys.length; i++) {
    const key = state.keys[i] ?? ''
    if (key === after) continue
    if (!key.startsWith(prefix)) break
    const entry = entryAt(state, key, at)
    if (!entry) continue
    if (entries.length < limit) entries.push(entry)
    else remaining++
  }
  return { entries, revision: at, more: remaining > 0, remaining }
}

/** Drops what only revisions before `before` can show. */
export function forget(state: MemoryState, before: Revision): void {
  if (before <= state.compacted) return
  const gone = new Set<string>()
  for (const { key } of state.log.splice(0, before - state.compacted)) {
    const lives = state.lives.get(key) ?? []
    const shown = lives.findLastIndex(({ revision }) => revision <= before)
    lives.splice(0, lives[shown]?.entry ? shown : shown + 1)
    if (lives.length === 0 && state.lives.delete(key)) gone.add(key)
  }
  if (gone.size > 0) {
    const kept = state.keys.filter((key) => !gone.has(key))
    for (const [i, key] of kept.entries()) state.keys[i] = key
    state.keys.length = kept.length
  }
  state.compacted = before
}
