/**
 * One history of a world in which things go wrong: clients write, read, list and watch, and a nemesis runs. Then all is mended;
 * both servers must soon serve, agree with each other and with the engine below, and the history must be sound.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { seededRandom, type Random } from '../../src/base/ids.ts'
import { isStoreError } from '../../src/store/store.ts'
import { until } from '../support/cluster.ts'
import { Reader } from '../support/history/readers.ts'
import { allPath, choices, itemsOf, namespaces, pathOf, Recorder } from '../support/history/recorder.ts'
import { assertSound, converge, countsOf, writeLast, type Sums } from '../support/history/verdict.ts'
import { Watcher, type WatcherOptions } from '../support/history/watchers.ts'
import { Writer } from '../support/history/writers.ts'
import { runNemesis, type Fault, type NemesisReport } from './nemesis.ts'
import { pick, type World } from './world.ts'

export interface RoundOptions {
  readonly seed: number
  /** How long things go wrong. */
  readonly seconds: number
  /** Whether the history of a failure is kept in a file. Default: true. */
  readonly isKept?: boolean
}

export interface RoundReport {
  readonly counts: Readonly<Record<string, number>>
  readonly faults: ReadonlyMap<string, number>
  /** From the last repair until both servers had served a write and a read. */
  readonly recoveredMs: number
}

const [writerCount, readerCount] = [8, 3]
/** After the last repair. A process may have to start again, on a machine that has others to run too. */
const recoveryMsMax = 45_000
const convergenceMsMax = 30_000

/** Those that ask for what is forgotten stay to the end. */
const watchersMax = 24
const everything = choices[0] as (typeof choices)[number]

export async function runRound(
  world: World,
  { isKept = true, seconds, seed }: RoundOptions,
): Promise<RoundReport> {
  const random = seededRandom(seed)
  const recorder = new Recorder()
  const begin = await emptied(world)
  using clients = startClients(world, recorder, { begin, last: `last-${seed}`, random })
  let nemesis: NemesisReport = { counts: new Map(), events: [] }
  try {
    nemesis = await runNemesis([...world.faults, compaction(world, clients, begin)], { random, seconds })
    const recoveredMs = await recovered(world)
    await clients.stopWorking()
    await finished(world)
    await until('the last write is done', async () =>
      (await writeLast(world.replicas, recorder, clients.last)).is === 'done' ? true : undefined,
    )
    await clients.haveSeenTheLast()
    await judge(world, recorder, clients, seed)
    return { counts: countsOf(recorder), faults: nemesis.counts, recoveredMs }
  } catch (error) {
    const text = (error as Error).message.replace(/^SEED=\d+: /, '')
    const where = isKept ? `\nThe history is in ${save(recorder, nemesis)}` : ''
    throw new Error(`SEED=${seed}: ${text}${where}`, { cause: error })
  }
}

type Watching = Pick<WatcherOptions, 'begin' | 'choice' | 'timeoutSeconds'>

interface Clients extends Disposable {
  readonly last: string
  readonly witness: Watcher
  readonly watchers: readonly Watcher[]
  readonly watch: (options: Watching) => void
  /** Throws what went wrong with any of them. */
  stopWorking(): Promise<void>
  haveSeenTheLast(): Promise<void>
}

function startClients(
  { replicas }: World,
  recorder: Recorder,
  { begin, last, random }: { readonly begin: number; readonly last: string; readonly random: Random },
): Clients {
  const stop = new AbortController()
  const failed: unknown[] = []
  const watchers: Watcher[] = []
  let isOver = false
  const client = (name: string) => {
    const own = seededRandom(Math.floor(random.float() * 2 ** 31))
    return { name, servers: replicas, recorder, random: own }
  }
  const watch = (options: Watching) => {
    const name = watchers.length === 0 ? 'witness' : `watcher-${watchers.length}`
    const watcher = new Watcher({ ...client(name), ...options, last, signal: stop.signal })
    watcher.ended.catch((error: unknown) => failed.push(error))
    watchers.push(watcher)
    return watcher
  }
  const witness = watch({ choice: everything, begin: { revision: begin } })
  for (const choice of choices) {
    watch({ choice, begin: 'list' })
    watch({ choice, begin: 'initial-events', timeoutSeconds: 3 })
  }
  const workers = [
    ...Array.from({ length: writerCount }, (_, i) => new Writer(client(`writer-${i}`))),
    ...Array.from({ length: readerCount }, (_, i) => new Reader(client(`reader-${i}`))),
  ]
  const work = workers.map(async (worker) => {
    try {
      while (!isOver) await worker.go(1)
    } catch (error) {
      failed.push(error)
    }
  })
  return {
    last,
    witness,
    watchers,
    watch,
    async stopWorking() {
      isOver = true
      await Promise.all(work)
      if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('\n'))
    },
    async haveSeenTheLast() {
      const all = Promise.all(watchers.map(({ ended }) => ended))
      const timeout = pause(convergenceMsMax, 'late' as const, { signal: stop.signal })
      timeout.catch(() => {}) // the clients are gone
      if ((await Promise.race([all, timeout])) !== 'late') return
      const revisions = watchers.map(({ revision }) => revision).join(', ')
      throw new Error(`a watcher has not seen the last write; they are at ${revisions}`)
    },
    [Symbol.dispose]() {
      isOver = true
      stop.abort()
    },
  }
}

/** Begins with nothing that an earlier round has left. Answers the revision of that moment. */
async function emptied({ replicas }: World): Promise<number> {
  for (const namespace of namespaces)
    await until(`${namespace} is empty`, async () => {
      const path = `${pathOf(namespace)}?labelSelector=own%3Dyes`
      const { status } = await replicas.ask(0, { method: 'DELETE', path })
      return status === 200 ? true : undefined
    })
  return until('a list', async () => {
    const { body, status } = await replicas.ask(0, { method: 'GET', path: allPath })
    assert.equal(status === 200 ? itemsOf(body).length : 0, 0)
    return status === 200 ? Number(body['metadata']?.['resourceVersion']) : undefined
  })
}

/** History is forgotten as far as the witness has seen it; somebody then asks for what is no more. */
function compaction({ store }: World, { watch, watchers, witness }: Clients, begin: number): Fault {
  return {
    name: 'compaction',
    part: 'history',
    msMax: 500,
    async begin(random) {
      try {
        await store.compact(witness.revision)
      } catch (error) {
        if (isStoreError(error, 'unavailable')) return undefined
        throw error
      }
      if (watchers.length < watchersMax) watch({ choice: pick(choices, random), begin: { revision: begin } })
      return async () => {}
    },
  }
}

/** Each server serves a write and a read of its own, and the kept-open connection of ours works too. */
async function recovered({ replicas, store }: World): Promise<number> {
  const startMs = performance.now()
  const serves = (replica: number) =>
    until(
      `server ${replica + 1} serves again`,
      async () => {
        const name = `alive-${replica}-${Math.floor(performance.now())}`
        const metadata = { name, namespace: 'kube-system' }
        const path = '/api/v1/namespaces/kube-system/secrets'
        const body = { kind: 'Secret', apiVersion: 'v1', metadata }
        const created = await replicas.ask(replica, { method: 'POST', path, body })
        if (created.status !== 201) return undefined
        const read = await replicas.ask(replica, { method: 'GET', path: `${path}/${name}` })
        const gone = await replicas.ask(replica, { method: 'DELETE', path: `${path}/${name}` })
        return read.status === 200 && gone.status === 200 ? true : undefined
      },
      recoveryMsMax,
    )
  await Promise.all(Array.from({ length: replicas.replicas }, (_, i) => serves(i)))
  await until('our own connection to the store works again', () => store.current(), recoveryMsMax)
  return performance.now() - startMs
}

/**
 * What clients no longer wait for a server may still carry out, and that after the last write. Each server says how much it is
 * at; this question is one of it.
 */
async function finished({ replicas }: World): Promise<void> {
  const running = /^apiserver_flowcontrol_current_executing_requests (\d+)$/m
  for (let i = 0; i < replicas.replicas; i++)
    await until(
      `server ${i + 1} has done all it was asked for`,
      async () => {
        const answer = await replicas.open(i, '/metrics', AbortSignal.timeout(recoveryMsMax))
        const count = running.exec(await text(answer))?.[1]
        assert.ok(count !== undefined, 'the server says what it is at')
        return Number(count) <= 1 ? true : undefined
      },
      recoveryMsMax,
    )
}

async function judge(world: World, recorder: Recorder, clients: Clients, seed: number): Promise<void> {
  const { replicas } = world
  const { watchers, witness } = clients
  assert.equal(witness.expired, 0, 'history was compacted no further than the witness had seen it')
  assert.deepEqual(replicas.problems, [])
  const again = `SEED=${seed}`
  assertSound(recorder, undefined, again)
  // Who saw everything knows what each server lists, and that is what the engine has.
  const whole = watchers.slice(0, 3)
  let sums: Sums | undefined
  for (let i = 0; i < replicas.replicas; i++) sums = await converge(replicas, i, recorder, whole)
  const raw = [...(await world.rawRevisions())].filter(([key]) => !key.endsWith('/kube-root-ca.crt'))
  const seen = [...witness.state.values()].map(({ key, revision }) => `${key} ${revision}`)
  assert.deepEqual(raw.map(([key, revision]) => `${key} ${revision}`).toSorted(), seen.toSorted())
  assertSound(recorder, sums, again)
}

/** For whoever looks for the reason. */
function save({ history }: Recorder, { events }: NemesisReport): string {
  const file = join(mkdtempSync(join(tmpdir(), 'sampan-history-')), 'history.json')
  writeFileSync(file, JSON.stringify({ nemesis: events, ...history }, undefined, 1))
  return file
}
