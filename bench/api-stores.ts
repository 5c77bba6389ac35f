/**
 * Durable calls through the whole API server on each store, from many clients at once over HTTP/1.1 that is kept alive, beside
 * what etcd and PostgreSQL alone do with the same values. Server and clients are processes of their own. Processor time is that of
 * one call: "main" of the server's event loop, "store" of its other threads, which sync for SQLite (etcd and PostgreSQL are in
 * neither), "clients" of those who ask. `STORES=sqlite,etcd` measures some.
 */
import { chmodSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { findPostgres, startTestServer } from '../src/store/postgres/test-server.ts'
import { startChild, type Child } from './api/child.ts'
import type { LoadResult, LoadWish } from './api/load-process.ts'
import { quantile, round } from './api/measured.ts'
import { startEtcd, type Etcd } from './etcd.ts'
import { pgbench } from './postgres.ts'
import type { Bench, Row } from './report.ts'

const clientCounts = [1, 64, 256]
/** Calls of one row: enough for a second or so. */
const operations: Readonly<Record<number, number>> = { 1: 500, 64: 5_000, 256: 5_000 }
const listsMax = 500
/** Calls before the first row: the server's code is compiled by then, and there is something to read and change. */
const warmUp = 5_000
/** Those of Sampan's server process, `src/main/child.ts`. */
const serverFlags = ['--max-semi-space-size=8']
/** A ConfigMap of the benchmark as it is stored. */
const rawBytes = 700

const file = (name: string) => join(import.meta.dirname, 'api', `${name}-process.ts`)

interface Subject {
  readonly name: string
  readonly url: string
}

export const benchApiStores: Bench = async (progress) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-bench-'))
  chmodSync(folder, 0o755)
  const stack = new AsyncDisposableStack()
  try {
    const etcd = stack.use(await startEtcd(folder))
    const programs = findPostgres()
    const settings = { max_connections: '600', shared_buffers: '256MB' }
    const postgres = programs && stack.use(await startTestServer({ clock: realClock, folder, settings }))
    const subjects: Subject[] = [
      { name: 'memory', url: 'memory:' },
      { name: 'sqlite', url: `sqlite:${join(folder, 'store.db')}` },
      ...(etcd ? [{ name: 'etcd', url: `etcd://${etcd.endpoint}` }] : []),
      ...(postgres ? [{ name: 'postgres', url: `postgres:${postgres.url('sampan')}` }] : []),
    ]
    const chosen = process.env['STORES']?.split(',')
    const rows: Row[] = []
    for (const subject of subjects.filter(({ name }) => chosen?.includes(name) ?? true))
      rows.push(...(await measure(subject, join(folder, 'pki'), progress)))
    if (etcd) for (const clients of clientCounts) rows.push(await rawEtcd(etcd, clients))
    if (programs && postgres) {
      await postgres.sql('CREATE TABLE pgbench_rows (key text PRIMARY KEY, value bytea NOT NULL)')
      for (const writers of clientCounts) {
        const raw = await pgbench({ server: postgres, programs, folder, writers, valueBytes: rawBytes })
        rows.push({
          store: 'postgres alone (pgbench)',
          call: 'insert',
          clients: writers,
          'per s': Math.round(raw.perSecond),
          'p50 ms': round(raw.latencyMs),
        })
      }
    }
    return rows
  } finally {
    await stack.disposeAsync()
    await rm(folder, { recursive: true })
  }
}

interface Usage {
  readonly cpu: { readonly all: number; readonly main: number }
  readonly peakLoopMs: number
}

async function measure(
  { name, url }: Subject,
  pki: string,
  progress: (line: string) => void,
): Promise<Row[]> {
  await using server = startChild(file('server'), [url, pki], serverFlags)
  await using load = startChild(file('load'), [])
  const ports = { plain: await server.ask<number>('port'), tls: await server.ask<number>('tlsPort') }
  const rows: Row[] = []
  const run = async (wish: Omit<LoadWish, 'port'>) => {
    progress(`${name}: ${wish.verb} ${wish.kind}, ${wish.clients} clients${wish.isTls ? ', TLS' : ''}`)
    const port = wish.isTls ? ports.tls : ports.plain
    rows.push({ store: name, ...(await rowOf(server, load, { ...wish, port })) })
  }
  const plain = { isTls: false, kind: 'configmaps', name: 'warm' } as const
  await load.ask('run', { ...plain, port: ports.plain, verb: 'create', clients: 64, operations: warmUp })
  // In a cluster somebody watches everything: the server knows what it is about to change.
  for (const kind of ['configmaps', 'pods'] as const)
    await load.ask('run', { ...plain, port: ports.plain, kind, verb: 'list', clients: 1, operations: 1 })
  for (const clients of clientCounts) {
    const count = operations[clients] ?? 0
    const calls = { ...plain, clients, operations: count }
    await run({ ...calls, verb: 'create', name: `new-${clients}` })
    await run({ ...calls, verb: 'create', name: `tls-${clients}`, isTls: true })
    await run({ ...calls, verb: 'create', name: `pod-${clients}`, kind: 'pods' })
    await run({ ...calls, verb: 'update' })
    await run({ ...calls, verb: 'update', name: `pod-${clients}`, kind: 'pods' })
    await run({ ...calls, verb: 'get' })
    await run({ ...calls, verb: 'list', operations: Math.min(count, listsMax) })
    await run({ ...calls, verb: 'watch', name: `watched-${clients}` })
  }
  return rows
}

async function rowOf(server: Child, load: Child, wish: LoadWish): Promise<Row> {
  const before = await server.ask<Usage>('usage')
  const { cpu: clients, elapsedMs, latenciesMs, refused } = await load.ask<LoadResult>('run', wish)
  const after = await server.ask<Usage>('usage')
  const us = (seconds: number) => Math.round((seconds * 1e6) / wish.operations)
  const main = after.cpu.main - before.cpu.main
  return {
    call: `${wish.verb} ${wish.kind}${wish.isTls ? ', TLS' : ''}`,
    clients: wish.clients,
    'per s': Math.round((wish.operations * 1_000) / elapsedMs),
    'p50 ms': round(quantile(latenciesMs, 0.5)),
    'p99 ms': round(quantile(latenciesMs, 0.99)),
    'main µs': us(main),
    'store µs': us(after.cpu.all - before.cpu.all - main),
    'clients µs': us(clients),
    'held ms': round(after.peakLoopMs),
    ...(refused > 0 && { note: `${refused} REFUSED` }),
  }
}

/** The same transaction that our store makes of a create. */
async function rawEtcd(etcd: Etcd, clients: number): Promise<Row> {
  const count = operations[clients] ?? 0
  const value = Buffer.alloc(rawBytes, 'x')
  const before = etcd.cpuSeconds() ?? Number.NaN
  const latenciesMs: number[] = []
  let next = 0
  const client = async () => {
    while (next < count) {
      const key = `/raw/${clients}/${next++}`
      const startMs = realClock.monotonicMs()
      await etcd.create(key, value)
      latenciesMs.push(realClock.monotonicMs() - startMs)
    }
  }
  const startMs = realClock.monotonicMs()
  await Promise.all(Array.from({ length: clients }, client))
  const elapsedMs = realClock.monotonicMs() - startMs
  return {
    store: 'etcd alone',
    call: 'create',
    clients,
    'per s': Math.round((count * 1_000) / elapsedMs),
    'p50 ms': round(quantile(latenciesMs, 0.5)),
    'p99 ms': round(quantile(latenciesMs, 0.99)),
    'store µs': Math.round((((etcd.cpuSeconds() ?? Number.NaN) - before) * 1e6) / count),
  }
}
