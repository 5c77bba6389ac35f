/** A cluster's objects on a journey through all the stores, on real servers: what comes back is what left, byte for byte. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'

import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { restore } from '../../src/store/backup/restore.ts'
import { takeSnapshot } from '../../src/store/backup/snapshot.ts'
import { bytes, text } from '../../src/store/conformance/suite.ts'
import { openStore } from '../../src/store/open.ts'
import { serverForTests, skipReason } from '../../src/store/postgres/test-server.ts'
import { isStoreError, type Store } from '../../src/store/store.ts'
import { startEtcdCluster } from '../support/etcd.ts'
import { isMissing } from '../support/needs.ts'

const objects = 10_000
const limitMs = 240_000
const folder = mkdtempSync(join(tmpdir(), 'sampan-migrate-'))
after(() => rmSync(folder, { recursive: true }))

describe('moving a cluster', { skip: skipReason() }, () => {
  const postgres = serverForTests()

  test(
    `${objects} objects go from SQLite to etcd, to PostgreSQL and back to SQLite`,
    { timeout: limitMs },
    async (t) => {
      if (isMissing(t, 'etcd', 'the store on etcd')) return
      await using etcd = await startEtcdCluster()
      const urls = [
        `sqlite:${join(folder, 'first.db')}`,
        `etcd://${etcd.endpoints}/moved`,
        `postgres:${postgres().url('moved')}`,
        `sqlite:${join(folder, 'last.db')}`,
      ]
      const open = (url = '') => openStore(url, { clock: realClock, logger: silentLogger })
      let revision: number
      let expected: ReadonlyMap<string, string | undefined>
      {
        await using first = await open(urls[0])
        await fill(first)
        revision = await first.current()
        expected = await contentOf(first)
      }
      for (let leg = 1; leg < urls.length; leg++) {
        await using source = await open(urls[leg - 1])
        await using target = await open(urls[leg])
        const startMs = realClock.monotonicMs()
        const moved = await restore(target, await takeSnapshot(source, realClock), {
          ttlMsOf: () => undefined,
        })
        const seconds = (realClock.monotonicMs() - startMs) / 1_000
        t.diagnostic(`leg ${leg}: ${moved.entries} objects in ${seconds.toFixed(1)} s`)
        assert.equal(moved.entries, objects)
        assert.deepEqual(await contentOf(target), expected)
        assert(moved.revision > revision, 'revisions go on above those that were given out')
        await assertCompacted(target, revision)
        revision = moved.revision
      }
    },
  )
})

async function fill(store: Store): Promise<void> {
  const value = (i: number) => bytes(JSON.stringify({ number: i, text: 'ünïcode '.repeat(1 + (i % 100)) }))
  for (let i = 0; i < objects; i += 100) {
    const keys = Array.from({ length: 100 }, (_, j) => i + j)
    await Promise.all(keys.map((n) => store.create(`/registry/core/configmaps/default/cm-${n}`, value(n))))
  }
}

const contentOf = async (store: Store): Promise<ReadonlyMap<string, string | undefined>> =>
  new Map((await store.list({ prefix: '' })).entries.map(({ key, value }) => [key, text(value)]))

/** Whoever watched the store before must not be shown this one's history under the same numbers. */
async function assertCompacted(store: Store, seen: number): Promise<void> {
  const watching = async () => {
    for await (const _ of store.watch({ prefix: '' }, seen, AbortSignal.timeout(20_000))); // the first step throws
  }
  await assert.rejects(watching, (error) => isStoreError(error, 'compacted'))
}
