import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { realClock } from '../src/base/clock.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts'
import { startEtcd } from './etcd.ts'

/**
 * Durable creates per second: our SQLite store beside etcd, on the same disk, in the same run, taking turns.
 *
 * Both are driven from this process. Ours gets its calls directly, as the API server makes them; etcd gets gRPC over
 * one HTTP/2 connection, as an API server would reach it. The client's own share is shown by the row "etcd, no
 * disk": the same client and connection, asking for a missing key. etcd's put is unconditional, ours checks that the
 * key is new: that favours etcd.
 */

const writerCounts = [1, 64, 256]
const rounds = 3
const roundMs = 2_000
const warmUpMs = 500
const valueBytes = 1_024
const tmpfsType = 0x01021994

export interface StoreBenchRow {
  readonly name: string
  readonly writers: number
  /** Median of the rounds. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of this process as a share of one core: the writers and, for sqlite, the store itself. */
  readonly ownCores: number
  /** The same of the server process; undefined where there is none. */
  readonly serverCores: number | undefined
  readonly rounds: readonly number[]
}

interface Subject {
  readonly name: string
  readonly write: (key: string, value: Uint8Array) => Promise<unknown>
  /** Of a process beside this one. */
  readonly serverCpuSeconds?: () => number | undefined
}

interface Round {
  readonly perSecond: number
  readonly latenciesMs: readonly number[]
  readonly ownCores: number
  readonly serverCores: number | undefined
}

export async function benchStore(report: (line: string) => void): Promise<StoreBenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-store-'))
  try {
    if (statfsSync(folder).type === tmpfsType) {
      report(
        `NOTE: ${folder} is in memory; set TMPDIR to a folder on a disk for numbers that mean something.`,
      )
    }
    await using store = await openSqliteStore(join(folder, 'store.db'), {
      clock: realClock,
      logger: silentLogger,
    })
    await using etcd = await startEtcd(folder)
    if (!etcd) report('etcd is not installed (Debian: etcd-server); only the SQLite store is measured.')
    const subjects: Subject[] = [{ name: 'sqlite', write: (key, value) => store.create(key, value) }]
    if (etcd) {
      subjects.push({
        name: `etcd ${etcd.version}`,
        write: (key, value) => etcd.put(key, value),
        serverCpuSeconds: () => etcd.cpuSeconds(),
      })
      subjects.push({
        name: 'etcd, no disk',
        write: () => etcd.ping(),
        serverCpuSeconds: () => etcd.cpuSeconds(),
      })
    }
    return await measure(subjects, report)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure(
  subjects: readonly Subject[],
  report: (line: string) => void,
): Promise<StoreBenchRow[]> {
  report(
    `Durable creates of ${valueBytes} bytes; median of ${rounds} rounds of ${roundMs / 1_000} s, in turns`,
  )
  report(line(['', 'writers', 'per second', 'p50 ms', 'p99 ms', 'own cores', 'server cores']))
  for (const subject of subjects) await run(subject, { writers: 64, ms: warmUpMs, prefix: '/warm-up' })
  const rows: StoreBenchRow[] = []
  for (const writers of writerCounts) {
    const measured = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]))
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) {
        measured
          .get(subject)
          ?.push(await run(subject, { writers, ms: roundMs, prefix: `/${writers}/${round}` }))
      }
    }
    for (const [{ name }, results] of measured) {
      const latencies = results.flatMap(({ latenciesMs }) => latenciesMs)
      const row: StoreBenchRow = {
        name,
        writers,
        perSecond: Math.round(
          quantile(
            results.map(({ perSecond }) => perSecond),
            0.5,
          ),
        ),
        p50Ms: quantile(latencies, 0.5),
        p99Ms: quantile(latencies, 0.99),
        ownCores: medianOf(results, 'ownCores'),
        serverCores: medianOf(results, 'serverCores'),
        rounds: results.map(({ perSecond }) => Math.round(perSecond)),
      }
      rows.push(row)
      report(
        line([
          name,
          writers,
          row.perSecond,
          row.p50Ms.toFixed(2),
          row.p99Ms.toFixed(2),
          row.ownCores.toFixed(2),
          row.serverCores?.toFixed(2) ?? '',
        ]),
      )
    }
  }
  return rows
}

async function run(
  { write, serverCpuSeconds }: Subject,
  { writers, ms, prefix }: { writers: number; ms: number; prefix: string },
): Promise<Round> {
  const value = new Uint8Array(valueBytes).fill(120)
  const latenciesMs: number[] = []
  const startMs = realClock.monotonicMs()
  const cpu = process.cpuUsage()
  const serverCpu = serverCpuSeconds?.()
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
    serverCores:
      serverCpu === undefined ? undefined : (((serverCpuSeconds?.() ?? 0) - serverCpu) * 1_000) / elapsedMs,
  }
}

function medianOf(results: readonly Round[], field: 'ownCores'): number
function medianOf(results: readonly Round[], field: 'serverCores'): number | undefined
function medianOf(results: readonly Round[], field: 'ownCores' | 'serverCores'): number | undefined {
  const values = results.flatMap((result) => result[field] ?? [])
  return values.length < results.length ? undefined : quantile(values, 0.5)
}

function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN
}

const line = (cells: readonly (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(16) : String(cell).padStart(12))).join(' ')

if (import.meta.main) {
  const rows = await benchStore((text) => console.log(text))
  console.log(JSON.stringify(rows))
}
