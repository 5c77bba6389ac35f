/** The end of a history: the last write, what all agree on by then, and the judgement. */
import assert from 'node:assert/strict'
import { excerptOf, problemsOf } from './check.ts'
import type { Outcome } from './history.ts'
import {
  allPath,
  itemsOf,
  outcomeOf,
  pathOfKey,
  sentinelKey,
  sentinelLabels,
  sumKeys,
  versionOf,
  type Recorder,
} from './recorder.ts'
import type { Api } from './servers.ts'
import type { Watcher } from './watchers.ts'

/** The counters of `sumKeys`. */
export type Sums = Readonly<Record<string, number>>

/** What all watchers wait for. May be done again with the same id. */
export async function writeLast(servers: Api, recorder: Recorder, last: string): Promise<Outcome> {
  const [namespace, name] = sentinelKey.split('/')
  const body = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, namespace, labels: sentinelLabels },
    data: { id: last },
  }
  const path = `${pathOfKey(sentinelKey)}?fieldManager=last&force=true`
  const { result, span } = await recorder.timed(() =>
    servers.ask(0, { method: 'PATCH', path, type: 'application/apply-patch+yaml', body }),
  )
  const outcome = outcomeOf(result)
  recorder.writes.push({ client: 'last', span, key: sentinelKey, how: 'upsert', id: last, outcome })
  return outcome
}

/** Who listed and watched knows what a list of the replica says. Answers the counters of the list. */
export async function converge(
  servers: Api,
  replica: number,
  recorder: Recorder,
  watchers: readonly Watcher[],
): Promise<Sums> {
  const { result, span } = await recorder.timed(() => servers.ask(replica, { method: 'GET', path: allPath }))
  assert.equal(result?.status, 200)
  const versions = itemsOf(result.body).map(versionOf)
  recorder.lists.push({
    client: 'last',
    span,
    revision: Number(result.body['metadata']?.['resourceVersion']),
    versions,
    selects: () => true,
    mayBeOld: false,
  })
  const listed = versions.map(({ key, revision }) => `${key} ${revision}`).toSorted()
  for (const { state } of watchers)
    assert.deepEqual([...state.values()].map(({ key, revision }) => `${key} ${revision}`).toSorted(), listed)
  const counters = itemsOf(result.body).filter((item) => sumKeys.includes(versionOf(item).key))
  return Object.fromEntries(counters.map((item) => [versionOf(item).key, Number(item['data']?.['count'])]))
}

/** Throws with the first problems of a history, and what happened around them. `again` says how to repeat it; without `sums` these are not looked at. */
export function assertSound(recorder: Recorder, sums: Sums | undefined, again: string): void {
  const { history, writes } = recorder
  const problems = [...problemsOf(history)]
  for (const { client, expected, how, key, outcome } of writes)
    if (
      how === 'update' &&
      expected === undefined &&
      outcome.is === 'refused' &&
      outcome.why.startsWith('409')
    )
      problems.push(`${client}'s patch of ${key} has no condition and was refused: ${outcome.why}`)
  for (const key of sums ? sumKeys : []) {
    const counted =
      history.watches.find(({ client }) => client === 'witness')?.events.filter((event) => event.key === key)
        .length ?? 0
    const acknowledged = writes.filter((write) => write.key === key && write.outcome.is === 'done').length
    const sum = sums?.[key] ?? 0
    if (sum !== counted || sum < acknowledged)
      problems.push(`${key} was added to ${acknowledged} to ${counted} times and is ${sum}`)
  }
  if (problems.length === 0) return
  const [first = ''] = problems
  assert.fail(
    `${again}: ${problems.length} problems\n${problems.slice(0, 10).join('\n')}\n\nThe history around the first:\n${excerptOf(history, first)}`,
  )
}

export function countsOf({ lists, reads, watches, writes }: Recorder): Readonly<Record<string, number>> {
  // Whoever deletes a collection doesn't know what was in it: not counted, for there are many of them.
  const of = (is: Outcome['is']) =>
    writes.filter(({ how, outcome }) => outcome.is === is && (is !== 'unknown' || how !== 'delete')).length
  return {
    done: of('done'),
    refused: of('refused'),
    unknown: of('unknown'),
    reads: reads.length,
    lists: lists.length,
    watches: watches.length,
    events: watches.reduce((sum, { events: seen }) => sum + seen.length, 0),
  }
}
