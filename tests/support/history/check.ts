/**
 * Says what is wrong with a history: nothing, if every acknowledged write survived, compare-and-swap was linearizable,
 * reads and lists were states of their moment, revisions only grew, and watches saw each change once and in order.
 * It needs at least one watcher of everything from revision 0 or before the first write: who else knows when things ended.
 */
import { checkReads } from './check-reads.ts'
import { checkWatches } from './check-watches.ts'
import { checkWrites } from './check-writes.ts'
import type { History } from './history.ts'
import { readLog } from './log.ts'

export function problemsOf(history: History): readonly string[] {
  const problems: string[] = []
  const log = readLog(history, problems)
  checkWrites(history, log, problems)
  checkReads(history, log, problems)
  checkWatches(history, log, problems)
  return problems
}

/** What happened around the revisions and keys that a problem names: enough to begin with. */
export function excerptOf({ watches, writes }: History, problem: string, linesMax = 20): string {
  const words = new Set(problem.match(/[\w/.-]+/g))
  const lines = writes
    .filter(
      ({ id, key, outcome }) =>
        words.has(key) || words.has(id) || (outcome.is === 'done' && words.has(String(outcome.revision))),
    )
    .map(({ client, expected, how, id, key, outcome, span }) => ({
      at: span.start,
      text: `${span.start}–${span.end} ${client} ${how} ${key} ${id}${expected === undefined ? '' : ` if ${expected}`}: ${JSON.stringify(outcome)}`,
    }))
    .toSorted((a, b) => a.at - b.at)
    .slice(-linesMax)
    .map(({ text }) => text)
  const events = watches
    .flatMap(({ client, events: all }) =>
      all
        .filter(({ revision }) => words.has(String(revision)))
        .map((event) => `${client} ${event.type} ${event.key} ${event.revision} ${event.id}`),
    )
    .slice(0, linesMax)
  return [...lines, ...events].join('\n')
}
