import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { realClock } from '../src/base/clock.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openStore } from '../src/store/open.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts'
import { startEtcd } from './etcd.ts'
import { median, type Bench, type Row } from './report.ts'

/**
 * Durable creates per second: our stores on SQLite and on etcd beside etcd itself, on the same disk, in the same run,
 * taking turns.
 *
 * All are driven from this process. Ours get their calls directly, as the API server makes them; etcd gets gRPC over
 * one HTTP/2 connection, as an API server would reach it. The client's own share is shown by the row "etcd, no
 * disk": the same client and connection, asking for a missing key. etcd's put is unconditional, ours check that the
 * key is new, as the row "etcd transaction" does: that is the same write.
 */

const writerCounts = [1, 64, 256]
const rounds = 5
const roundMs = 1_500
const warmUpMs = 500
const valueBytes = 1_024
const tmpfsType = 0x01021994

interface Subject {
  readonly name: string
  readonly write: (key: string, value: Uint8Array) => Promise<unknown>
  /** Of a process beside this one. */
  readonly serverCpuSeconds?: () => number | undefined
}

interface Round {
  readonly perSecond: number
  readonly latenciesMs: readonly number[]
  /** Processor time of this process as a share of one core: the writers and, for sqlite, the store itself. */
  readonly ownCores: number
  /** The same of the server process; 0 where there is none. */
  readonly serverCores: number
}

export const benchStore: Bench = async (progress) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-store-'))
  try {
    if (statfsSync(folder).type === tmpfsType) {
      progress(
        `NOTE: ${folder} is in memory; set TMPDIR to a folder on a disk for numbers that mean something.`,
      )
    }
    await using store = await openSqliteStore(join(folder, 'store.db'), {
      clock: realClock,
      logger: silentLogger,
    })
    await using etcd = await startEtcd(folder)
    await using onEtcd =
      etcd && (await openStore(`etcd://${etcd.endpoint}`, { clock: realClock, logger: silentLogger }))
    if (!etcd) progress('etcd is not installed (Debian: etcd-server); only the SQLite store is measured.')
    const subjects: Subject[] = [{ name: 'sqlite', write: (key, value) => store.create(key, value) }]
    if (etcd && onEtcd) {
      const serverCpuSeconds = () => etcd.cpuSeconds()
      subjects.push(
        { name: `etcd ${etcd.version} put`, write: (key, value) => etcd.put(key, value), serverCpuSeconds },
        { name: 'etcd transaction', write: (key, value) => etcd.create(key, value), serverCpuSeconds },
        { name: 'our store on etcd', write: (key, value) => onEtcd.create(key, value), serverCpuSeconds },
        { name: 'etcd, no disk', write: () => etcd.ping(), serverCpuSeconds },
      )
    }
    return await measure(subjects, progress)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure(subjects: readonly Subject[], progress: (line: string) => void): Promise<Row[]> {
  for (const subject of subjects) await run(subject, { writers: 64, ms: warmUpMs, prefix: '/warm-up' })
  const rows: Row[] = []
  for (const writers of writerCounts) {
    const measured = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]))
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) {
        const result = await run(subject, { writers, ms: roundMs, prefix: `/${writers}/${round}` })
        measured.get(subject)?.push(result)
        progress(`${subject.name}, ${writers} writers, round ${round + 1}: ${Math.round(result.perSecond)}/s`)
      }
    }
    for (const [{ name }, results] of measured) rows.push(rowOf(name, writers, results))
  }
  return rows
}

function rowOf(name: string, writers: number, results: readonly Round[]): Row {
  const latencies = results.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b)
  const quantile = (q: number) => Number((latencies[Math.floor(latencies.length * q)] ?? NaN).toFixed(2))
  const of = (field: 'perSecond' | 'ownCores' | 'serverCores') =>
    median(results.map((result) => result[field]))
  return {
    name,
    writers,
    perSecond: Math.round(of('perSecond')),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    ownCores: Number(of('ownCores').toFixed(2)),
    serverCores: Number(of('serverCores').toFixed(2)),
  }
}

async function run(
  { write, serverCpuSeconds }: Subject,
  { writers, ms, prefix }: { writers: number; ms: number; prefix: string },
): Promise<Round> {
  const value = new Uint8Array(valueBytes).fill(120)
  const latenciesMs: number[] = []
  const startMs = realClock.monotonicMs()
  const cpu = process.cpuUsage()
  const serverCpu = serverCpuSeconds?.() ?? 0
  const writer = async (name: number) => {
    for (let i = 0; ; i++) {
      const beginMs = realClock.monotonicMs()
      if (beginMs - startMs >= ms) return
      await write(`/registry/pods${prefix}/namespace-${name}/pod-${i}`, value)
      latenciesMs.push(realClock.monotonicMs() - beginMs)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, name) => writer(name)))
  const elapsedMs = realClock.monotonicMs() - startMs
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: (latenciesMs.length / elapsedMs) * 1_000,
    latenciesMs,
    ownCores: (user + system) / 1_000 / elapsedMs,
    serverCores: (((serverCpuSeconds?.() ?? 0) - serverCpu) * 1_000) / elapsedMs,
  }
}
