/**
 * What clients did and saw: the input of `check.ts`, and all that it needs to know. Whoever records a history (one server,
 * several replicas, a nemesis in between) makes these records; how it talks to the servers is no concern of the checker.
 *
 * Every write is told apart from all others by an `id` that becomes part of the value. Revisions are one global sequence:
 * the order of all changes. So no search is needed to decide whether a history is linearizable; each record is compared
 * with the log that all records together tell.
 */

/** Between them the operation took place. Of one clock for all clients of a history; a larger number is later. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What is in an object, as far as the checker is concerned. */
export interface State {
  /** Of the write that made it. */
  readonly id: string
  /** The object's life: a new one with each create. */
  readonly uid: string
  /** What selectors look at. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Version extends State {
  readonly key: string
  readonly revision: number
}

export type Outcome =
  /** `revision` is missing where the answer doesn't say it (a delete). `uid` is the life that was written to. */
  | { readonly is: 'done'; readonly revision?: number; readonly uid: string }
  /** The server said no: it must have had no effect. */
  | { readonly is: 'refused'; readonly why: string }
  /** No answer, or one that leaves it open: it may have had an effect, once. */
  | { readonly is: 'unknown' }

export interface Write {
  readonly client: string
  readonly span: Span
  readonly key: string
  /** `upsert` creates what isn't there. `touch` says that it changes nothing: its answer is the revision that was there. */
  readonly how: 'create' | 'update' | 'upsert' | 'delete' | 'touch'
  readonly id: string
  /** The revision that the object must have had: of a compare-and-swap. */
  readonly expected?: number
  readonly outcome: Outcome
}

/** One object, or that it wasn't there. */
export interface Read {
  readonly client: string
  readonly span: Span
  readonly key: string
  readonly found: Version | undefined
  /** Whether it may come from the past: a cached read promises no more than some state that once was. */
  readonly mayBeOld: boolean
}

export interface List {
  readonly client: string
  readonly span: Span
  /** The revision whose state this is; of all of its pages. */
  readonly revision: number
  readonly versions: readonly Version[]
  readonly selects: Selects
  readonly mayBeOld: boolean
}

/** What of the objects a list or a watch is about. */
export type Selects = (key: string, state: State) => boolean

export interface WatchEvent extends Version {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
}

export interface Watch {
  readonly client: string
  /** Changes after this revision are told. */
  readonly from: number
  /** Up to here the watcher was told everything: the last event, or a later bookmark. */
  readonly upTo: number
  readonly events: readonly WatchEvent[]
  readonly selects: Selects
}

export interface History {
  readonly writes: readonly Write[]
  readonly reads: readonly Read[]
  readonly lists: readonly List[]
  readonly watches: readonly Watch[]
}

export const everything: Selects = () => true
