import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import pg from 'pg'

import { realClock } from '../src/base/clock.ts'
import { realRandom } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openPostgresStore } from '../src/store/postgres/postgres-store.ts'
import {
  findPostgres,
  startTestServer,
  testPassword,
  type TestServer,
} from '../src/store/postgres/test-server.ts'
import { median, type Bench, type Row } from './report.ts'

/**
 * Durable creates per second in PostgreSQL: through our store, beside what the raw engine does with the same writes: one
 * insert of a key and 1 KiB per transaction and client, by `pgbench` with prepared statements and by the driver that our
 * store uses. Taking turns, on the same server, over TCP on loopback, with the same number of writers.
 *
 * Alike are the keys, ordered by their bytes; the values, sent with each write; that the key must be new, which the
 * table's only index sees to; and that the answer comes after the commit is on disk. Only ours includes what makes a
 * store of it: a revision for each write, in one order over all servers; a row by revision beside the one by key; word
 * of the change to this process's watchers. `pgbench` puts its keys together in the server and sends values as text,
 * which is 2 or 3 µs of a write.
 */

const writerCounts = [1, 64, 256]
const rounds = 5
const roundMs = 2_000
/** Of `pgbench`, for each client, about as long as our rounds: it counts the time to connect into a duration, which for 256 clients is all of it. */
const transactions: Readonly<Record<number, number>> = { 1: 4_000, 64: 250, 256: 60 }
const valueBytes = 1_024
const run = promisify(execFile)

interface Subject {
  readonly name: string
  readonly round: (writers: number, round: number) => Promise<Round>
}

interface Round {
  readonly perSecond: number
  readonly latencyMs: number
  readonly writes: number
}

/** Processor microseconds for one write. */
interface Cost {
  /** Of who asks; `pgbench` is a process of its own and not in it. */
  readonly clientUs: number
  readonly serverUs: number
}

export const benchPostgres: Bench = async (progress) => {
  const programs = findPostgres()
  if (programs === undefined) {
    progress('PostgreSQL is not installed (Debian: postgresql); nothing is measured.')
    return []
  }
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-postgres-'))
  chmodSync(folder, 0o755)
  try {
    await using server = await startTestServer({
      clock: realClock,
      folder,
      settings: { max_connections: '600', shared_buffers: '256MB' },
    })
    await server.sql(`CREATE TABLE pgbench_rows (key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);
      CREATE TABLE driver_rows (key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL)`)
    const context = { clock: realClock, logger: silentLogger, random: realRandom }
    await using store = await openPostgresStore(server.url('sampan'), context)
    const subjects: Subject[] = [
      {
        name: 'our store',
        round: (writers, round) =>
          drive(writers, () => (key, value) => store.create(`/registry/pods/${round}${key}`, value)),
      },
      { name: 'pgbench', round: (writers) => pgbench({ server, programs, folder, writers, valueBytes }) },
      { name: 'pg driver', round: (writers, round) => driver(server, writers, round) },
    ]
    return await measure(server, subjects, progress)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function costed(server: TestServer, run: () => Promise<Round>): Promise<Round & Cost> {
  const client = process.cpuUsage()
  const serverSeconds = server.cpuSeconds()
  const result = await run()
  const { system, user } = process.cpuUsage(client)
  return {
    ...result,
    clientUs: (system + user) / result.writes,
    serverUs: ((server.cpuSeconds() - serverSeconds) * 1e6) / result.writes,
  }
}

async function measure(
  server: TestServer,
  subjects: readonly Subject[],
  progress: (line: string) => void,
): Promise<Row[]> {
  for (const subject of subjects) await subject.round(64, -1) // warm-up
  const rows: Row[] = []
  for (const writers of writerCounts) {
    const measured = new Map<Subject, (Round & Cost)[]>(subjects.map((subject) => [subject, []]))
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) {
        const result = await costed(server, () => subject.round(writers, round))
        measured.get(subject)?.push(result)
        progress(`${subject.name}, ${writers} writers, round ${round + 1}: ${Math.round(result.perSecond)}/s`)
      }
    }
    const perSecondOf = (results: readonly Round[]) => median(results.map(({ perSecond }) => perSecond))
    const ours = perSecondOf(measured.values().next().value ?? [])
    for (const [{ name }, results] of measured) {
      rows.push({
        name,
        writers,
        perSecond: Math.round(perSecondOf(results)),
        meanMs: Number(median(results.map(({ latencyMs }) => latencyMs)).toFixed(2)),
        costOfOurs: Number((perSecondOf(results) / ours).toFixed(2)),
        'client µs': Math.round(median(results.map(({ clientUs }) => clientUs))),
        'server µs': Math.round(median(results.map(({ serverUs }) => serverUs))),
      })
    }
  }
  return rows
}

/** Writers that each write one after the other. */
async function drive(
  writers: number,
  writeOf: (writer: number) => (key: string, value: Uint8Array) => Promise<unknown>,
): Promise<Round> {
  const value = new Uint8Array(valueBytes).fill(120)
  const startMs = realClock.monotonicMs()
  let count = 0
  const writer = async (name: number) => {
    const write = writeOf(name)
    for (let i = 0; realClock.monotonicMs() - startMs < roundMs; i++, count++) {
      await write(`/${writers}/namespace-${name}/pod-${i}`, value)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, name) => writer(name)))
  const elapsedMs = realClock.monotonicMs() - startMs
  return { perSecond: (count / elapsedMs) * 1_000, latencyMs: (elapsedMs * writers) / count, writes: count }
}

async function driver(server: TestServer, writers: number, round: number): Promise<Round> {
  const clients = Array.from(
    { length: writers },
    () =>
      new pg.Client({
        host: '127.0.0.1',
        port: server.port,
        user: 'postgres',
        password: testPassword,
        ssl: false,
      }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  try {
    return await drive(writers, (writer) => async (key, value) => {
      const values = [`/registry/pods/${round}${key}`, Buffer.from(value)]
      await clients[writer]?.query({
        name: 'insert',
        text: 'INSERT INTO driver_rows VALUES ($1, $2)',
        values,
      })
    })
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

/** Rows of a text key and `valueBytes` into the table `pgbench_rows`, which is there. */
export async function pgbench(options: {
  readonly server: TestServer
  readonly programs: string
  readonly folder: string
  readonly writers: number
  readonly valueBytes: number
}): Promise<Round> {
  const { server, programs, folder, valueBytes, writers } = options
  const script = join(folder, 'insert.sql')
  writeFileSync(
    script,
    `\\set n :n + 1
INSERT INTO pgbench_rows VALUES ('/registry/pods/' || :run || '/namespace-' || :client_id || '/pod-' || :n, :value::bytea);\n`,
  )
  const variables = { n: 0, run: Math.round(realClock.monotonicMs()), value: 'x'.repeat(valueBytes) }
  const args = [
    '-n',
    '-M',
    'prepared',
    '-j',
    '2',
    '-c',
    String(writers),
    '-t',
    String(transactions[writers]),
    '-f',
    script,
    ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
  ]
  const where = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', 'postgres']
  const { stdout } = await run(join(programs, 'pgbench'), [...args, ...where], {
    env: { ...process.env, PGPASSWORD: testPassword },
  })
  const perSecond = Number(/^tps = ([0-9.]+)/m.exec(stdout)?.[1])
  const latencyMs = Number(/^latency average = ([0-9.]+)/m.exec(stdout)?.[1])
  return { perSecond, latencyMs, writes: writers * Number(transactions[writers]) }
}
