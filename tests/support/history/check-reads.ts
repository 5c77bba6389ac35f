/** Reads and lists: each is a state that was there while it was asked for, and nobody sees time run backwards. */
import type { History, List, Read, Span } from './history.ts'
import type { Change, Log } from './log.ts'

export function checkReads(history: History, log: Log, problems: string[]): void {
  const known = knownBefore(history)
  const begun = new Map(history.writes.map(({ id, span }) => [id, span.start]))
  for (const read of history.reads) checkRead(read, log, { known, begun }, problems)
  for (const list of history.lists) checkList(list, log, { known, begun }, problems)
}

interface Facts {
  /** The greatest revision that somebody had been told before a point in time. */
  readonly known: (time: number) => number
  /** When each write began. */
  readonly begun: ReadonlyMap<string, number>
}

function knownBefore({ lists, reads, writes }: History): (time: number) => number {
  const told: { readonly at: number; readonly revision: number }[] = []
  const tell = ({ end }: Span, revision: number) => told.push({ at: end, revision })
  for (const { outcome, span } of writes)
    if (outcome.is === 'done' && outcome.revision !== undefined) tell(span, outcome.revision)
  for (const { found, span } of reads) if (found) tell(span, found.revision)
  for (const { revision, span } of lists) tell(span, revision)
  told.sort((a, b) => a.at - b.at)
  let greatest = 0
  const rising = told.map(({ at, revision }) => ({ at, revision: (greatest = Math.max(greatest, revision)) }))
  return (time) => {
    let [low, high] = [0, rising.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((rising[middle]?.at ?? Infinity) < time) low = middle + 1
      else high = middle
    }
    return rising[low - 1]?.revision ?? 0
  }
}

const fromFuture = ({ id }: { readonly id: string }, span: Span, { begun }: Facts): boolean =>
  (begun.get(id) ?? -Infinity) > span.end

function checkRead(
  { client, found, key, mayBeOld, span }: Read,
  log: Log,
  facts: Facts,
  problems: string[],
): void {
  const what = `${client}'s read of ${key}`
  const least = mayBeOld ? 0 : facts.known(span.start)
  if (!found) {
    if (!isAbsentAfter(key, least, log))
      problems.push(
        `${what} found nothing, though it was there at revision ${least} and has not been deleted since`,
      )
    return
  }
  const change = log.byRevision.get(found.revision)
  if (change && change.id !== found.id)
    problems.push(`${what} found ${found.id} at revision ${found.revision}, where ${change.id} is`)
  if (fromFuture(found, span, facts)) problems.push(`${what} found ${found.id} before it was written`)
  const next = log.after(key, found.revision)
  if (next && next.revision <= least)
    problems.push(
      `${what} found ${found.id} of revision ${found.revision}, though ${next.isDelete ? 'its end' : next.id} at ${next.revision} was known by ${least}`,
    )
}

/** Whether there is a moment at or after the revision at which the key is not there. */
const isAbsentAfter = (key: string, revision: number, log: Log): boolean => {
  const present = log.before(key, revision)
  if (!present || present.isDelete) return true
  return log.changes.some((change) => change.key === key && change.isDelete && change.revision > revision)
}

function checkList(list: List, log: Log, facts: Facts, problems: string[]): void {
  const { client, mayBeOld, revision, selects, span, versions } = list
  const what = `${client}'s list at revision ${revision}`
  const least = mayBeOld ? 0 : facts.known(span.start)
  if (revision < least) problems.push(`${what} is of the past: ${least} was known before it was asked for`)
  const wanted = new Map([...log.stateAt(revision)].filter(([key, state]) => selects(key, state)))
  const listed = new Set<string>()
  for (const version of versions) {
    if (listed.has(version.key)) problems.push(`${what} has ${version.key} twice`)
    listed.add(version.key)
    const state: Change | undefined = wanted.get(version.key)
    if (state?.revision !== version.revision)
      problems.push(
        `${what} has ${version.key} of revision ${version.revision}, which ${state ? `is of ${state.revision}` : 'is not there'} at that revision`,
      )
    if (fromFuture(version, span, facts)) problems.push(`${what} has ${version.id} before it was written`)
  }
  for (const [key, state] of wanted)
    if (!listed.has(key)) problems.push(`${what} lacks ${key} of revision ${state.revision}`)
}
