/** Writes: what was acknowledged survives, what was refused never was, and a compare-and-swap compared what it swapped. */
import type { History, Write } from './history.ts'
import type { Log } from './log.ts'

export function checkWrites({ writes }: History, log: Log, problems: string[]): void {
  const byId = new Map(
    writes.filter(({ how }) => how !== 'touch' && how !== 'delete').map((write) => [write.id, write]),
  )
  checkEffects(writes, log, problems)
  checkOrigins(byId, log, problems)
  checkComparisons(byId, log, problems)
  checkOrder(writes, log, problems)
  checkTouches(writes, log, problems)
}

const name = ({ client, how, id, key }: Write): string => `${client}'s ${how} ${id} of ${key}`

/** Each acknowledged write is in the log; each end of an object was asked for. */
function checkEffects(writes: readonly Write[], log: Log, problems: string[]): void {
  const ends = new Map(log.changes.filter(({ isDelete }) => isDelete).map((change) => [change.uid, change]))
  for (const write of writes) {
    const { how, outcome } = write
    if (outcome.is !== 'done' || how === 'touch') continue
    if (how === 'delete') {
      if (!ends.has(outcome.uid))
        problems.push(`${name(write)} was acknowledged, but no watcher saw ${outcome.uid} go`)
      continue
    }
    const change = outcome.revision === undefined ? undefined : log.byRevision.get(outcome.revision)
    if (change?.id !== write.id || change.key !== write.key)
      problems.push(
        `${name(write)} was acknowledged at revision ${outcome.revision}, where ${change ? `${change.key}=${change.id}` : 'nothing'} is`,
      )
  }
  for (const { key, revision, uid } of ends.values()) {
    const isAsked = writes.some(
      (write) =>
        write.how === 'delete' &&
        write.key === key &&
        (write.outcome.is === 'unknown' || (write.outcome.is === 'done' && write.outcome.uid === uid)),
    )
    if (!isAsked) problems.push(`${key} (${uid}) ended at revision ${revision}, but nobody deleted it`)
  }
}

/** Each change was asked for by one write, which was not refused; a write that nobody answered may have taken place once. */
function checkOrigins(byId: ReadonlyMap<string, Write>, log: Log, problems: string[]): void {
  const seen = new Map<string, number>()
  for (const { id, isDelete, key, revision } of log.changes) {
    if (isDelete) continue
    const write = byId.get(id)
    if (!write) problems.push(`revision ${revision} of ${key} has ${id}, which nobody wrote`)
    else if (write.outcome.is === 'refused')
      problems.push(`${name(write)} was refused (${write.outcome.why}), but is there at revision ${revision}`)
    const first = seen.get(id)
    if (first !== undefined)
      problems.push(`${id} was written once and is there twice, at revisions ${first} and ${revision}`)
    seen.set(id, revision)
  }
}

/** Nothing came between what was read and what replaced it; nothing was there where something was created. */
function checkComparisons(byId: ReadonlyMap<string, Write>, log: Log, problems: string[]): void {
  for (const { id, isDelete, key, revision, uid } of log.changes) {
    const write = isDelete ? undefined : byId.get(id)
    if (!write) continue
    const previous = log.before(key, revision - 1)
    if (write.how === 'create') {
      if (previous && !previous.isDelete)
        problems.push(
          `${name(write)} at ${revision} replaced ${previous.id} of revision ${previous.revision}`,
        )
    } else if (!previous || previous.isDelete) {
      if (write.how === 'upsert') continue
      problems.push(`${name(write)} at ${revision} changed what was not there`)
    } else if (previous.uid !== uid) {
      problems.push(`${name(write)} at ${revision} changed ${previous.uid} into ${uid}`)
    } else if (write.expected !== undefined && previous.revision !== write.expected) {
      problems.push(
        `lost update: ${name(write)} expected revision ${write.expected} and replaced ${previous.id} of revision ${previous.revision}`,
      )
    }
  }
}

/** A write that began after another was acknowledged has the greater revision. */
function checkOrder(writes: readonly Write[], log: Log, problems: string[]): void {
  const ends = new Map(
    log.changes.filter(({ isDelete }) => isDelete).map((change) => [change.uid, change.revision]),
  )
  const done = writes.flatMap((write) => {
    if (write.outcome.is !== 'done' || write.how === 'touch') return []
    const revision = write.how === 'delete' ? ends.get(write.outcome.uid) : write.outcome.revision
    return revision === undefined ? [] : [{ write, revision }]
  })
  const byEnd = done.toSorted((a, b) => a.write.span.end - b.write.span.end)
  let latest: (typeof done)[number] | undefined
  let at = 0
  for (const one of done.toSorted((a, b) => a.write.span.start - b.write.span.start)) {
    for (let next = byEnd[at]; next && next.write.span.end < one.write.span.start; next = byEnd[++at])
      if (!latest || next.revision > latest.revision) latest = next
    // Several may have asked for the same end; only the first of them caused it.
    if (latest && one.revision <= latest.revision && one.write.how !== 'delete')
      problems.push(
        `${name(one.write)} has revision ${one.revision}, though ${name(latest.write)} had ${latest.revision} before it began`,
      )
  }
}

/** A write that changes nothing answers with what is there, and is no change. */
function checkTouches(writes: readonly Write[], log: Log, problems: string[]): void {
  for (const write of writes) {
    if (write.how !== 'touch' || write.outcome.is !== 'done') continue
    const { revision = 0 } = write.outcome
    const change = log.byRevision.get(revision)
    if (change?.key !== write.key || change.isDelete || change.id === write.id)
      problems.push(
        `${name(write)} changed nothing, but was answered with revision ${revision}, which is ${change ? `${change.key}=${change.id}` : 'unknown'}`,
      )
  }
}
