/** Watches: every change after the beginning exactly once, in order; and what a selector makes of a change. */
import type { History, Watch, WatchEvent } from './history.ts'
import type { Change, Log } from './log.ts'

export function checkWatches({ watches }: History, log: Log, problems: string[]): void {
  for (const watch of watches) checkWatch(watch, log, problems)
}

const problemsPerWatchMax = 5

function checkWatch({ client, events, from, selects, upTo }: Watch, log: Log, problems: string[]): void {
  const wrong: string[] = []
  const seen = new Set<number>()
  let last = from
  for (const { key, revision } of events) {
    if (seen.has(revision)) wrong.push(`saw revision ${revision} (${key}) twice`)
    else if (revision <= last) wrong.push(`saw revision ${revision} (${key}) after ${last}`)
    seen.add(revision)
    last = Math.max(last, revision)
  }
  const told = new Map(events.map((event) => [event.revision, event]))
  const present = new Map([...log.stateAt(from)].filter(([key, state]) => selects(key, state)))
  for (const change of log.changes) {
    if (change.revision <= from || change.revision > upTo) continue
    const type = typeOf(change, present.has(change.key), selects)
    if (type === undefined) continue
    if (type === 'DELETED') present.delete(change.key)
    else present.set(change.key, change)
    const event = told.get(change.revision)
    told.delete(change.revision)
    if (!event) wrong.push(`missed ${type} ${change.key} at revision ${change.revision}`)
    else if (event.type !== type || event.key !== change.key)
      wrong.push(
        `was told ${event.type} ${event.key} at revision ${change.revision}, which was ${type} ${change.key}`,
      )
    else if (type !== 'DELETED' && event.id !== change.id)
      wrong.push(`was told ${event.id} at revision ${change.revision}, which was ${change.id}`)
  }
  for (const { key, revision, type } of told.values())
    if (revision > from)
      wrong.push(`was told ${type} ${key} at revision ${revision}, which was no change for it`)
  for (const text of wrong.slice(0, problemsPerWatchMax))
    problems.push(`${client}, watching from ${from}, ${text}`)
}

/** What a change is to a watcher: an object that comes to be selected is added, one that no longer is has gone. */
function typeOf(
  change: Change,
  wasThere: boolean,
  selects: Watch['selects'],
): WatchEvent['type'] | undefined {
  const isThere = !change.isDelete && selects(change.key, change)
  if (isThere) return wasThere ? 'MODIFIED' : 'ADDED'
  return wasThere ? 'DELETED' : undefined
}
