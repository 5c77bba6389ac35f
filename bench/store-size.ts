/**
 * What a store takes on disk while a thousand objects are updated a million times: it must level off, for its history is
 * bounded (`src/store/history.ts`). `UPDATES` changes the number.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openStore } from '../src/store/open.ts'
import { findPostgres, startTestServer } from '../src/store/postgres/test-server.ts'
import type { Revision } from '../src/store/store.ts'
import { etcdVersion, startEtcdCluster } from '../tests/support/etcd.ts'
import type { Bench, Row } from './report.ts'

const updates = Number(process.env['UPDATES'] ?? 1_000_000)
const objects = 1_000
const writers = 250 // each has objects of its own, so that no update meets a conflict
const valueBytes = 1_024
const samples = 50

interface Subject {
  readonly name: string
  readonly url: string
  readonly bytes: () => Promise<number> | number
}

export const benchStoreSize: Bench = async (progress) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-size-'))
  chmodSync(folder, 0o755) // PostgreSQL has a user of its own
  const stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true }))
  try {
    for (const name of ['sqlite', 'etcd']) mkdirSync(join(folder, name))
    const subjects: Subject[] = [
      {
        name: 'SQLite',
        url: `sqlite:${join(folder, 'sqlite', 'store.db')}`,
        bytes: () => bytesOf(join(folder, 'sqlite')),
      },
    ]
    if (etcdVersion() === undefined) progress('etcd is not installed (Debian: etcd-server)')
    else {
      const etcd = stack.use(await startEtcdCluster({ folder: join(folder, 'etcd') }))
      const bytes = () => bytesOf(join(folder, 'etcd'))
      subjects.push({ name: 'etcd, with its log', url: `etcd://${etcd.endpoints}`, bytes })
    }
    if (!findPostgres()) progress('PostgreSQL is not installed (Debian: postgresql)')
    else {
      const server = stack.use(await startTestServer({ clock: realClock, folder }))
      const bytes = async () =>
        Number((await server.sql('SELECT pg_database_size(current_database()) AS bytes'))[0]?.['bytes'])
      subjects.push({ name: 'PostgreSQL, without its log', url: `postgres:${server.url('sampan')}`, bytes })
    }
    const rows: Row[] = []
    for (const subject of subjects) rows.push(await measure(subject, progress))
    return rows
  } finally {
    await stack.disposeAsync()
  }
}

async function measure({ bytes, name, url }: Subject, progress: (line: string) => void): Promise<Row> {
  await using store = await openStore(url, { clock: realClock, logger: silentLogger })
  const value = new Uint8Array(valueBytes).fill(120)
  const revisions = new Map<string, Revision>()
  const keys = Array.from({ length: objects }, (_, i) => `/registry/configmaps/bench/object-${i}`)
  for (const key of keys) revisions.set(key, await store.create(key, value))
  const sizes: number[] = []
  for (let sample = 1; sample <= samples; sample++) {
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let i = 0; i < updates / samples / writers; i++) {
          const key = keys[writer + (i % (objects / writers)) * writers] ?? ''
          revisions.set(key, await store.update(key, value, revisions.get(key) ?? 0))
        }
      }),
    )
    sizes.push(await bytes())
    progress(`${name}: ${(updates / samples) * sample} updates, ${megabytes(sizes.at(-1) ?? 0)} MB`)
  }
  const until = (share: number) => Math.max(...sizes.slice(0, samples * share))
  return {
    store: name,
    'MB after a tenth': megabytes(sizes[samples / 10 - 1] ?? 0),
    'MB at most in the first half': megabytes(until(0.5)),
    'MB at most': megabytes(until(1)),
    'MB at the end': megabytes(sizes.at(-1) ?? 0),
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6)

/** A file may go between the listing and the look at it. */
function bytesOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.reduce(
    (sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
