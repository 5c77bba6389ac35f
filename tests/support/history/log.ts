/** The log that all records of a history tell together: which change each revision was. */
import type { History, State, Version } from './history.ts'

export interface Change extends State {
  readonly key: string
  readonly revision: number
  readonly isDelete: boolean
}

export interface Log {
  /** In order of revisions. */
  readonly changes: readonly Change[]
  readonly byRevision: ReadonlyMap<number, Change>
  /** The last change of the key at or before the revision. */
  before(key: string, revision: number): Change | undefined
  /** The first change of the key after the revision. */
  after(key: string, revision: number): Change | undefined
  /** The objects there were at a revision. */
  stateAt(revision: number): ReadonlyMap<string, Change>
}

/** Problems are told where two records disagree on what a revision was. */
export function readLog({ lists, reads, watches, writes }: History, problems: string[]): Log {
  const byRevision = new Map<number, Change>()
  const add = (change: Change, source: string) => {
    const known = byRevision.get(change.revision)
    if (!known) byRevision.set(change.revision, change)
    else if (
      known.key !== change.key ||
      known.uid !== change.uid ||
      known.isDelete !== change.isDelete ||
      (!change.isDelete && known.id !== change.id)
    )
      problems.push(
        `revision ${change.revision} is ${textOf(known)}, but ${source} says it is ${textOf(change)}`,
      )
  }
  const put = (version: Version, source: string) => add({ ...stateOf(version), isDelete: false }, source)
  // A watcher of some labels is told DELETED of an object that has only lost them: its state is still there.
  const isGone = (uid: string, revision: number) => deleted.get(uid) === revision
  const deleted = deletions({ lists, reads, watches, writes })
  for (const { client, events } of watches)
    for (const { type, ...event } of events)
      if (type !== 'DELETED') put(event, client)
      else if (isGone(event.uid, event.revision)) add({ ...stateOf(event), isDelete: true }, client)
  for (const { client, found } of reads) if (found) put(found, client)
  for (const { client, versions } of lists) for (const version of versions) put(version, client)
  for (const { client, how, id, key, outcome } of writes) {
    if (outcome.is !== 'done' || outcome.revision === undefined || how === 'touch' || how === 'delete')
      continue
    const known = byRevision.get(outcome.revision)
    add(
      { key, id, uid: outcome.uid, labels: known?.labels ?? {}, revision: outcome.revision, isDelete: false },
      client,
    )
  }
  return logOf(byRevision)
}

const stateOf = ({ id, key, labels, revision, uid }: Version) => ({ id, key, labels, revision, uid })

const textOf = ({ id, isDelete, key, uid }: Change): string =>
  isDelete ? `the end of ${key} (${uid})` : `${key}=${id} (${uid})`

/** The revision at which each life ended: what a watcher of everything was told. */
function deletions({ watches }: History): ReadonlyMap<string, number> {
  const ends = new Map<string, number>()
  for (const { events, selects } of watches)
    for (const { key, revision, type, uid } of events)
      if (type === 'DELETED' && selects(key, { id: '', uid: '', labels: {} })) ends.set(uid, revision)
  return ends
}

function logOf(byRevision: ReadonlyMap<number, Change>): Log {
  const changes = [...byRevision.values()].toSorted((a, b) => a.revision - b.revision)
  const byKey = Map.groupBy(changes, ({ key }) => key)
  const of = (key: string) => byKey.get(key) ?? []
  return {
    changes,
    byRevision,
    before: (key, revision) => of(key).findLast((change) => change.revision <= revision),
    after: (key, revision) => of(key).find((change) => change.revision > revision),
    stateAt(revision) {
      const state = new Map<string, Change>()
      for (const change of changes) {
        if (change.revision > revision) break
        if (change.isDelete) state.delete(change.key)
        else state.set(change.key, change)
      }
      return state
    },
  }
}
