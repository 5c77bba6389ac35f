/**
 * Random histories: writers, readers and watchers at the real API server over HTTP, everything they did and saw recorded,
 * and judged by tests/support/history/check.ts. The same for every store, with one server or several, through restarts.
 *
 *   SEED=7 RUNS=1 npm test -- tests/apiserver/histories.test.ts     one of them again (its order of events differs)
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { seededRandom } from '../../src/base/ids.ts'
import type { Store } from '../../src/store/store.ts'
import { Reader } from '../support/history/readers.ts'
import { choices, Recorder } from '../support/history/recorder.ts'
import { awhile, openServers, type Servers } from '../support/history/servers.ts'
import { assertSound, converge, countsOf, writeLast } from '../support/history/verdict.ts'
import { Watcher, type WatcherOptions } from '../support/history/watchers.ts'
import { Writer } from '../support/history/writers.ts'
import { testSeed } from '../../src/base/test-seed.ts'

export interface HistoryStore {
  /** Called again after each restart: it is then the same store as before. */
  readonly openStore: () => Promise<Store>
}

interface Sequence {
  readonly replicas: number
  /** Halfway the history is compacted, and servers and store end and begin again. */
  readonly isRestarted: boolean
}

const sequences: readonly Sequence[] = [
  { replicas: 1, isRestarted: false },
  { replicas: 2, isRestarted: false },
  { replicas: 1, isRestarted: true },
]
const runs = Number(process.env['RUNS'] ?? 6)
const [writerCount, readerCount] = [5, 2]
const operationsPerClient = Number(process.env['OPERATIONS'] ?? 60)
/** A watcher that misses the last write waits for ever. */
const runMsMax = 90_000

export function testHistories(open: (t: TestContext) => Promise<HistoryStore>): void {
  for (let run = 0; run < runs; run++) {
    const sequence = sequences[run % sequences.length] ?? { replicas: 1, isRestarted: false }
    const seed = testSeed + run
    test(
      `${sequence.replicas} server(s)${sequence.isRestarted ? ', restarted and compacted' : ''}: everything adds up`,
      { timeout: runMsMax },
      async (t) => {
        const { openStore } = await open(t)
        const counts = await judge(seed, sequence, openStore)
        t.diagnostic(
          `seed ${seed}: ${Object.entries(counts)
            .map(([what, count]) => `${count} ${what}`)
            .join(', ')}`,
        )
      },
    )
  }
}

/** Rejects with what is wrong, if anything is. */
export async function judge(
  seed: number,
  sequence: Sequence,
  openStore: () => Promise<Store>,
): Promise<Readonly<Record<string, number>>> {
  await using servers = await openServers(openStore, sequence.replicas)
  using ending = new DisposableStack()
  const stop = new AbortController()
  ending.defer(() => stop.abort())
  const recorder = new Recorder()
  const random = seededRandom(seed)
  const client = (name: string) => ({
    name,
    servers,
    recorder,
    random: seededRandom(Math.floor(random.float() * 2 ** 31)),
  })
  const begin = await servers.store.current()
  const last = `last-${seed}`
  const watch = (name: string, options: Pick<WatcherOptions, 'begin' | 'choice' | 'timeoutSeconds'>) =>
    new Watcher({ ...client(name), ...options, last, signal: stop.signal })
  const everything = choices[0] as (typeof choices)[number]
  const witness = watch('witness', { choice: everything, begin: { revision: begin } })
  const watchers = [
    witness,
    ...choices.flatMap((choice, i) => [
      watch(`listed-${i}`, { choice, begin: 'list' }),
      watch(`initial-${i}`, { choice, begin: 'initial-events', timeoutSeconds: 3 }),
    ]),
  ]
  const writers = Array.from({ length: writerCount }, (_, i) => new Writer(client(`writer-${i}`)))
  const readers = Array.from({ length: readerCount }, (_, i) => new Reader(client(`reader-${i}`)))
  const work = (share: number) =>
    Promise.all([...writers, ...readers].map((one) => one.go(Math.ceil(operationsPerClient * share))))
  await work(0.5)
  const rest = work(0.5)
  // Some begin in the middle: from the beginning of history, and from its present state.
  const late = choices.map((choice, i) => watch(`late-${i}`, { choice, begin: { revision: begin } }))
  if (sequence.isRestarted) await compactAndRestart(servers, witness)
  const expired = sequence.isRestarted
    ? choices.map((choice, i) => watch(`expired-${i}`, { choice, begin: { revision: begin } }))
    : []
  await rest
  const { is } = await writeLast(servers, recorder, last)
  assert.equal(is, 'done', `the last write was ${is}`)
  const all = [...watchers, ...late, ...expired]
  await Promise.race([Promise.all(all.map(({ ended }) => ended)), patience(all, stop.signal, seed)])
  const sums = await converge(servers, 0, recorder, all.slice(0, 3))
  assertSound(recorder, sums, `SEED=${seed} RUNS=1`)
  for (const watcher of expired)
    assert.equal(watcher.expired, 1, 'a watch from before the compaction must be told 410')
  return countsOf(recorder)
}

/** Not beyond what the witness has seen: without it nobody could judge the rest. */
async function compactAndRestart(servers: Servers, witness: Watcher): Promise<void> {
  await servers.store.compact(witness.revision)
  await servers.restart()
}

async function patience(watchers: readonly Watcher[], signal: AbortSignal, seed: number): Promise<never> {
  const deadlineMs = performance.now() + runMsMax / 2
  while (performance.now() < deadlineMs && !signal.aborted) await awhile()
  const waiting = watchers.map(({ revision }) => revision).join(', ')
  throw new Error(`SEED=${seed}: a watcher has not seen the last write; they are at ${waiting}`)
}
