/**
 * The API server on a durable store, over HTTP, beside etcd alone: single calls, lists and informers of many pods, writes
 * at a steady rate, watchers by the thousand. Server, writers and watchers are processes of their own; "cpu" is the
 * server's processor time, which a busy machine hardly changes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { startChild, type Child } from './api/child.ts'
import { etcdCalls, etcdFanOut, etcdList, fillEtcd } from './api/etcd-rows.ts'
import type { InformerStart } from './api/informer-process.ts'
import { quantile, round, type Measured } from './api/measured.ts'
import type { WatchResult } from './api/watch-process.ts'
import type { WriteResult } from './api/write-process.ts'
import { startEtcd, type Etcd } from './etcd.ts'
import type { Bench, Row } from './report.ts'

const callCount = 500
const listSizes = [1_000, 10_000, 50_000]
const listRepeats = 7
const mutating = { objects: 10_000, perSecond: 200, seconds: 20 }
/** Of the pods that are written to. */
const mutatingWatchers = 100
const fanOuts = [
  { watchers: 1, perSecond: 1_000, seconds: 10 },
  { watchers: 100, perSecond: 1_000, seconds: 10 },
  { watchers: 1_000, perSecond: 1_000, seconds: 10 },
  { watchers: 2_000, perSecond: 1_000, seconds: 20 },
]
/** etcd's client reads in one thread what etcd tells all watchers: fewer changes, the same cost of each. */
const etcdFanOuts = [
  { watchers: 1, changes: 2_000, perSecond: 1_000 },
  { watchers: 100, changes: 1_000, perSecond: 100 },
  { watchers: 2_000, changes: 60, perSecond: 10 },
]
const changeBytes = 560
/** Those of Sampan's server process, `src/main/child.ts`. */
const serverFlags = ['--max-semi-space-size=8']
const pods = '/api/v1/namespaces/default/pods'
const configMaps = '/api/v1/namespaces/default/configmaps'

const file = (name: string) => join(import.meta.dirname, 'api', `${name}-process.ts`)

interface Usage {
  readonly cpu: { readonly all: number; readonly main: number }
  readonly memory: NodeJS.MemoryUsage
  readonly peakLoopMs: number
}

interface Sampan extends AsyncDisposable {
  readonly server: Child
  readonly writer: Child
  readonly port: number
  readonly usage: () => Promise<Usage>
}

export const benchApiLoad: Bench = async (progress) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-bench-'))
  try {
    await using etcd = await startEtcd(folder)
    if (!etcd) progress('etcd is not installed (Debian: etcd-server); only Sampan is measured.')
    const rows: Row[] = []
    {
      await using sampan = await openSampan(join(folder, 'pods.db'))
      progress('single calls')
      rows.push(...(await callRows(sampan, etcd)))
      rows.push(...(await sizeRows(sampan, etcd, progress)))
    }
    for (const fanOut of fanOuts) {
      progress(`${fanOut.watchers} watchers, ${fanOut.perSecond} changes per second`)
      await using sampan = await openSampan(join(folder, `watch-${fanOut.watchers}.db`))
      rows.push(await fanOutRow(sampan, fanOut))
    }
    for (const fanOut of etcd ? etcdFanOuts : []) {
      progress(`${fanOut.watchers} watchers of etcd`)
      if (etcd) rows.push(await etcdFanOutRow(etcd, fanOut))
    }
    return rows
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function openSampan(path: string): Promise<Sampan> {
  const stack = new AsyncDisposableStack()
  const server = stack.use(startChild(file('server'), [`sqlite:${path}`], serverFlags))
  const writer = stack.use(startChild(file('write'), []))
  const port = await server.ask<number>('port')
  const usage = () => server.ask<Usage>('usage')
  return { server, writer, port, usage, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const row = (what: string, of: string, { cpuMs, p50, p99 }: Measured): Row => ({
  what,
  of,
  'p50 ms': round(p50),
  'p99 ms': round(p99),
  'cpu ms': round(cpuMs),
})

async function callRows({ port, usage, writer }: Sampan, etcd: Etcd | undefined): Promise<Row[]> {
  const rows: Row[] = []
  for (const verb of ['create', 'get', 'patch'] as const) {
    const before = await usage()
    const times = await writer.ask<readonly number[]>('sequence', { port, verb, count: callCount })
    const cpuMs = (((await usage()).cpu.all - before.cpu.all) * 1_000) / callCount
    rows.push(row(verb, 'sampan', { p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpuMs }))
  }
  const floor = etcd && (await etcdCalls(etcd, callCount))
  if (floor) for (const [verb, measured] of Object.entries(floor)) rows.push(row(verb, 'etcd', measured))
  return rows
}

async function sizeRows(sampan: Sampan, etcd: Etcd | undefined, progress: (line: string) => void) {
  const rows: Row[] = []
  let from = callCount
  const memory: { readonly count: number; readonly sampan: number; readonly etcd: number }[] = []
  for (const count of listSizes) {
    progress(`${count} pods`)
    await sampan.writer.ask('fill', { port: sampan.port, from, to: count })
    if (etcd) await fillEtcd(etcd, from, count)
    from = count
    rows.push(row(`list of ${count} pods`, 'sampan', await lists(sampan)))
    if (etcd) rows.push(row(`list of ${count} pods`, 'etcd', await etcdList(etcd, listRepeats)))
    const { external, heapUsed } = (await sampan.usage()).memory
    memory.push({ count, sampan: external + heapUsed, etcd: etcd?.memoryBytes() ?? Number.NaN })
    if (count === mutating.objects) rows.push(...(await mutatingRows(sampan)))
  }
  rows.push(...(await informerRows(sampan)))
  const [, some, many] = memory
  if (some && many) {
    const each = (who: 'sampan' | 'etcd') => Math.round((many[who] - some[who]) / (many.count - some.count))
    rows.push({ what: 'memory of a pod', of: 'sampan', bytes: each('sampan') })
    rows.push({ what: 'memory of a pod', of: 'etcd', bytes: each('etcd') })
  }
  return rows
}

async function lists({ port, usage }: Sampan): Promise<Measured> {
  const times: number[] = []
  await readAll(port, pods)
  const before = await usage()
  for (let round = 0; round < listRepeats; round++) {
    const startMs = realClock.monotonicMs()
    await readAll(port, pods)
    times.push(realClock.monotonicMs() - startMs)
  }
  const cpuMs = (((await usage()).cpu.all - before.cpu.all) * 1_000) / listRepeats
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpuMs }
}

/** A reader as cheap as can be: Node's own client takes as long as the server. */
function readAll(port: number, path: string): Promise<number> {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  let size = 0
  return new Promise((resolve, reject) => {
    const onread = { buffer, callback: (bytes: number) => ((size += bytes), true) }
    const socket = connect({ port, host: '127.0.0.1', onread })
    socket.once('error', reject).once('close', () => resolve(size))
    const head = ['Host: localhost', 'Authorization: Bearer bench', 'Connection: close']
    socket.write(`GET ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`)
  })
}

async function mutatingRows(sampan: Sampan): Promise<Row[]> {
  const quiet = await mutatingRow(sampan, 0)
  await using watch = startChild(file('watch'), [])
  const { port } = sampan
  const path = `${pods}?watch=1&resourceVersion=${await revisionOf(port)}`
  await watch.ask('open', { port, path, watchers: mutatingWatchers })
  const watched = await mutatingRow(sampan, 1)
  return [quiet, { ...watched, what: `${watched['what']}, ${mutatingWatchers} watchers` }]
}

async function revisionOf(port: number): Promise<string> {
  const headers = { authorization: 'Bearer bench' }
  const answer = await fetch(`http://127.0.0.1:${port}${pods}?limit=1`, { headers })
  return ((await answer.json()) as { metadata: { resourceVersion: string } }).metadata.resourceVersion
}

async function mutatingRow({ port, usage, writer }: Sampan, nth: number): Promise<Row> {
  const before = await usage()
  const result = await writer.ask<WriteResult>('run', { port, kind: 'pods-mixed', round: nth, ...mutating })
  const { cpu, peakLoopMs } = await usage()
  const calls = mutating.perSecond * mutating.seconds
  return {
    ...row(`${mutating.perSecond} mutating calls/s, ${mutating.objects} pods`, 'sampan', {
      p50: quantile(result.latenciesMs, 0.5),
      p99: quantile(result.latenciesMs, 0.99),
      cpuMs: ((cpu.all - before.cpu.all) * 1_000) / calls,
    }),
    note: `${result.refused} refused; thread held for ${round(peakLoopMs)} ms at most`,
  }
}

async function informerRows({ port, usage }: Sampan): Promise<Row[]> {
  await using informer = startChild(file('informer'), [])
  const before = await usage()
  const { cpu, ms } = await informer.ask<InformerStart>('start', port)
  const cpuMs = ((await usage()).cpu.all - before.cpu.all) * 1_000
  const what = `informer start, ${listSizes.at(-1)} pods`
  return [
    { ...row(what, 'sampan', { p50: ms, p99: ms, cpuMs }), note: `the informer itself ${round(cpu)} s` },
  ]
}

const settleMsMax = 60_000

async function fanOutRow(
  { port, usage, writer }: Sampan,
  wish: { readonly watchers: number; readonly perSecond: number; readonly seconds: number },
): Promise<Row> {
  await using watch = startChild(file('watch'), [])
  const writes = { port, kind: 'configmaps', objects: 100, ...wish }
  await writer.ask('prepare', writes)
  await watch.ask('open', { port, path: `${configMaps}?watch=1`, watchers: wish.watchers })
  const before = await usage()
  const written = await writer.ask<WriteResult>('run', writes)
  const writtenMs = realClock.monotonicMs()
  let seen = await watch.ask<WatchResult>('result')
  while (seen.done + seen.closed < wish.watchers && realClock.monotonicMs() < writtenMs + settleMsMax) {
    await realClock.sleep(20)
    seen = await watch.ask<WatchResult>('result')
  }
  const lagMs = realClock.monotonicMs() - writtenMs
  const { cpu } = await usage()
  const deliveries = wish.watchers * wish.perSecond * wish.seconds
  const isWhole = seen.lines.every((lines) => lines === wish.perSecond * wish.seconds)
  return {
    what: `${wish.watchers} watchers, ${wish.perSecond} changes/s for ${wish.seconds} s`,
    of: 'sampan',
    'p50 ms': round(quantile(seen.ageMs, 0.5)),
    'p99 ms': round(quantile(seen.ageMs, 0.99)),
    'cpu µs per event': round(((cpu.all - before.cpu.all) * 1e6) / deliveries),
    'deliveries/s': Math.round((deliveries * 1_000) / (written.elapsedMs + lagMs)),
    'lag ms': round(lagMs),
    note: [
      `${round(seen.bytes / 1e6)} MB`,
      `server ${round(((cpu.all - before.cpu.all) * 1_000) / written.elapsedMs)} cores`,
      `writes p99 ${round(quantile(written.latenciesMs, 0.99))} ms`,
      `${seen.done} done, ${seen.closed} closed, ${seen.wrongOrder} out of order, ${isWhole ? 'none' : 'SOME'} missing`,
    ].join('; '),
  }
}

async function etcdFanOutRow(
  etcd: Etcd,
  wish: { readonly watchers: number; readonly changes: number; readonly perSecond: number },
): Promise<Row> {
  const { cpuUs, deliveriesPerSecond, lagMs } = await etcdFanOut(etcd, { ...wish, valueBytes: changeBytes })
  return {
    what: `${wish.watchers} watchers, ${wish.perSecond} changes/s`,
    of: 'etcd',
    'cpu µs per event': cpuUs,
    'deliveries/s': deliveriesPerSecond,
    'lag ms': lagMs,
  }
}
