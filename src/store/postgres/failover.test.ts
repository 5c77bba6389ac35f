import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { all, bytes, keysOf, text, thrown } from '../conformance/suite.ts'
import { openPostgresStore } from './postgres-store.ts'
import { skipReason, startTestServer, type TestServer } from './test-server.ts'

const context = {
  clock: realClock,
  logger: silentLogger,
  random: realRandom,
  answerMsMax: 5_000,
  searchMsMax: 15_000,
}

describe('PostgreSQL fails over to its standby', { skip: skipReason() }, () => {
  it('a synchronous standby has every acknowledged write; the store finds it and its watches go on', async (t) => {
    await using pair = await startPair({ synchronous_standby_names: '*' })
    const { primary, standby } = pair
    // The standby comes first: it is there, and takes no writes.
    const url = primary.url('sampan').replace('127.0.0.1:', `127.0.0.1:${standby.port},127.0.0.1:`)
    await using store = await openPostgresStore(url, context)
    const watch = store.watch(all, 0, t.signal)[Symbol.asyncIterator]()
    const revisions = []
    for (let i = 0; i < 20; i++) revisions.push(await store.create(`/${i}`, bytes('before')))
    await primary.kill()
    // It waits for the new primary; unless it was sent to the server that died, and its outcome is unknown.
    const create = store.create('/after', bytes('after')).catch(() => undefined)
    await standby.promote()
    await standby.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
    await standby.sql('SELECT pg_reload_conf()')
    revisions.push((await create) ?? (await store.create('/again', bytes('after'))))
    const { entries } = await store.list(all)
    assert.deepEqual(
      entries.map(({ revision }) => revision).toSorted((a, b) => a - b),
      revisions,
    )
    const seen: number[] = []
    while ((seen.at(-1) ?? 0) < (revisions.at(-1) ?? 0)) {
      const { value, done } = await watch.next()
      assert(!done, 'the watch ended')
      for (const { revision } of value.events) seen.push(revision)
    }
    assert.deepEqual(seen, revisions)
  })

  it('a standby that lacks acknowledged writes is refused loudly, and accepted after a restart', async (t) => {
    await using pair = await startPair({})
    const { primary, standby } = pair
    const url = primary.url('sampan').replace('127.0.0.1:', `127.0.0.1:${standby.port},127.0.0.1:`)
    const givenUp: string[] = []
    const onGivenUp = (given: Error) => givenUp.push(given.message)
    await using store = await openPostgresStore(url, { ...context, onGivenUp })
    await store.create('/kept', bytes('x'))
    await caughtUp(primary, standby)
    await disconnect(standby)
    const watch = store.watch(all, 0, t.signal)[Symbol.asyncIterator]()
    const lost = await store.create('/lost', bytes('x'))
    await primary.kill()
    await standby.promote()
    // Another client of the new history takes the same revision for something else.
    await using other = await openPostgresStore(standby.url('sampan'), context)
    assert.equal(await other.create('/other', bytes('y')), lost)
    const error = await thrown('corrupt', async () => {
      for (;;)
        await store
          .current()
          .catch((e: unknown) => (isUnavailable(e) ? undefined : Promise.reject(e as Error)))
    })
    assert.match(error.message, /lost writes.*start anew/s)
    assert.deepEqual(givenUp, [error.message])
    await thrown('corrupt', () => store.create('/x', bytes('x')))
    await thrown('corrupt', async () => {
      while (!(await watch.next()).done); // until it is ended
    })
    await using restarted = await openPostgresStore(url, context)
    assert.equal(text((await restarted.get('/other')).entry?.value), 'y')
  })

  it('an old primary that wakes up beside the new one is left alone, also by who has just started', async () => {
    await using pair = await startPair({})
    const { primary, standby } = pair
    const first = `127.0.0.1:${primary.port}`
    const url = primary.url('sampan').replace(first, `${first},127.0.0.1:${standby.port}`)
    const hasty = { ...context, answerMsMax: 1_000 }
    const givenUp: string[] = []
    const onGivenUp = (error: Error) => givenUp.push(error.message)
    await using store = await openPostgresStore(url, { ...hasty, onGivenUp })
    await store.create('/before', bytes('x'))
    await caughtUp(primary, standby)
    await standby.promote()
    primary.signal('SIGSTOP')
    const write = (key: string) => store.create(key, bytes('x')).catch((error: unknown) => error)
    while (isUnavailable(await write('/new'))); // until the hung one is given up
    primary.signal('SIGCONT')
    await standby.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sampan'",
    )
    while (isUnavailable(await write('/newer'))); // until the sessions are made anew
    await using second = await openPostgresStore(url, hasty)
    await using there = await openPostgresStore(standby.url('sampan'), context)
    for (const one of [store, second, there])
      assert.deepEqual(await keysOf(one, ''), ['/before', '/new', '/newer'])
    assert.deepEqual(givenUp, [])
  })
})

/** From now on the standby receives nothing. */
async function disconnect(standby: TestServer): Promise<void> {
  await standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
  await standby.sql('SELECT pg_reload_conf()')
  while ((await standby.sql('SELECT 1 FROM pg_stat_wal_receiver')).length > 0) await realClock.sleep(20)
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'unavailable'

interface Pair extends AsyncDisposable {
  readonly primary: TestServer
  readonly standby: TestServer
}

async function startPair(settings: Readonly<Record<string, string>>): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-failover-'))
  chmodSync(folder, 0o755)
  const primary = await startTestServer({ clock: realClock, folder })
  const standby = await startTestServer({ clock: realClock, folder, standbyOf: primary })
  for (const [name, value] of Object.entries(settings))
    await primary.sql(`ALTER SYSTEM SET ${name} = '${value}'`)
  await primary.sql('SELECT pg_reload_conf()')
  return {
    primary,
    standby,
    async [Symbol.asyncDispose]() {
      await standby[Symbol.asyncDispose]()
      await primary[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

async function caughtUp(primary: TestServer, standby: TestServer): Promise<void> {
  const [row] = await primary.sql('SELECT pg_current_wal_flush_lsn()::text AS lsn')
  const there = `SELECT 1 WHERE pg_last_wal_replay_lsn() >= '${String(row?.['lsn'])}'`
  while ((await standby.sql(there)).length === 0) await realClock.sleep(20)
}
