import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'

import pg from 'pg'

import { realClock } from '../../base/clock.ts'
import { realRandom, seededRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { all, bytes, text, thrown, watchUntil } from '../conformance/suite.ts'
import { isStoreError, type Revision, type Store } from '../store.ts'
import { openPostgresStore } from './postgres-store.ts'
import { startTestProxy } from './test-proxy.ts'
import { serverForTests, skipReason, testPassword } from './test-server.ts'
import { testSeed } from '../../base/test-seed.ts'

const context = { clock: realClock, logger: silentLogger, random: realRandom }
/** What can't be answered is given up soon. */
const hasty = { ...context, answerMsMax: 1_000, searchMsMax: 500 }

/** Writes without pause until `isOver`; what was acknowledged, and the codes of what was not. */
async function writeOn(store: Store, name: string, isOver: () => boolean) {
  const acknowledged = new Map<string, Revision>()
  const refusals = new Set<string>()
  const writer = async (writerName: number) => {
    for (let i = 0; !isOver(); i++) {
      const key = `/${name}/${writerName}/${i}`
      try {
        acknowledged.set(key, await store.create(key, bytes(key)))
      } catch (error) {
        if (!isStoreError(error)) throw error
        refusals.add(error.code)
        if (/closed/.test(error.message)) return // the test is over
      }
    }
  }
  const done = Promise.all(Array.from({ length: 8 }, (_, i) => writer(i)))
  const reach = async (count: number) => {
    while (acknowledged.size < count) await realClock.sleep(5)
  }
  return { acknowledged, refusals, done, reach }
}

async function assertKept(store: Store, acknowledged: ReadonlyMap<string, Revision>): Promise<void> {
  const { entries } = await store.list({ prefix: '' })
  const found = new Map(entries.map(({ key, revision }) => [key, revision]))
  for (const [key, revision] of acknowledged) assert.equal(found.get(key), revision, key)
  for (const { key, value } of entries) assert.equal(text(value), key)
}

describe('PostgreSQL fails', { skip: skipReason() }, () => {
  const server = serverForTests()

  it('kill -9 of the server: acknowledged writes survive, the store and its watches go on', async (t) => {
    await using store = await openPostgresStore(server().url('killed'), { ...hasty, searchMsMax: 10_000 })
    let isOver = false
    const writing = await writeOn(store, 'w', () => isOver)
    const watching = collect(store, t.signal)
    for (const count of [100, 300]) {
      await writing.reach(count)
      await server().kill()
      await server().start()
    }
    const size = writing.acknowledged.size
    await writing.reach(size + 50)
    isOver = true
    await writing.done
    for (const code of writing.refusals) assert.equal(code, 'unavailable')
    await assertKept(store, writing.acknowledged)
    await assertSeenAll(store, watching)
  })

  it('connections are cut again and again: nothing acknowledged is lost, no event missed', async (t) => {
    await using proxy = await startTestProxy(server().port)
    await using store = await openPostgresStore(server().url('cut', proxy.port), hasty)
    let isOver = false
    const writing = await writeOn(store, 'w', () => isOver)
    const watching = collect(store, t.signal)
    for (let i = 1; i <= 5; i++) {
      await writing.reach(i * 50)
      proxy.cut()
    }
    await writing.reach(writing.acknowledged.size + 50)
    isOver = true
    await writing.done
    for (const code of writing.refusals) assert.equal(code, 'unavailable')
    await assertKept(store, writing.acknowledged)
    await assertSeenAll(store, watching)
  })

  it('an answer that never comes: the outcome of the write is unknown, and said to be', async () => {
    await using proxy = await startTestProxy(server().port)
    await using store = await openPostgresStore(server().url('unknown', proxy.port), hasty)
    await store.create('/before', bytes('x'))
    proxy.swallow(true)
    const error = await thrown('unavailable', () => store.create('/perhaps', bytes('x')))
    assert.match(error.message, /unknown/)
    assert.doesNotMatch(String(error.stack) + String(error.cause), new RegExp(testPassword))
    proxy.swallow(false)
    proxy.cut()
    assert.equal(text((await store.get('/perhaps')).entry?.value), 'x')
    await store.create('/after', bytes('x'))
  })

  it('SIGSTOP of the server: calls end within their deadline, and succeed when it goes on', async () => {
    await using store = await openPostgresStore(server().url('stopped'), hasty)
    await store.create('/a', bytes('x'))
    server().signal('SIGSTOP')
    const startMs = realClock.monotonicMs()
    try {
      await Promise.all([
        thrown('unavailable', () => store.create('/b', bytes('x'))),
        thrown('unavailable', () => store.get('/a')),
        thrown('unavailable', () => store.current()),
        thrown('unavailable', () => store.list(all)),
      ])
    } finally {
      server().signal('SIGCONT')
    }
    assert(realClock.monotonicMs() - startMs < 8_000)
    assert.equal(text((await store.get('/a')).entry?.value), 'x')
    await store.create('/c', bytes('x'))
  })

  it('a replica that dies while it holds the write lock holds up nobody', async () => {
    await using store = await openPostgresStore(server().url('held'), context)
    await using other = await openOther(server().port)
    await other.client.query('BEGIN')
    await other.client.query(`SELECT held.write_2('{0}', '{"\\x61"}', '{"\\x62"}', '{0}', '{0}', 1, 0)`)
    let isDone = false
    const create = store.create('/mine', bytes('x')).finally(() => (isDone = true))
    await lockWaiter((statement) => server().sql(statement))
    assert.equal(isDone, false)
    other.socket.destroy()
    assert.equal(await create, 1) // the other's write never happened
  })

  it('a replica that hangs while it receives what it deleted holds up the others for a moment only', async () => {
    await using store = await openPostgresStore(server().url('paused'), context)
    const value = Uint8Array.from({ length: 4 * 1024 * 1024 }, (_, i) => i * 7_919)
    const last = [await store.create('/a', value), await store.create('/b', value)].at(-1)
    await using other = await openOther(server().port)
    await other.client.query("SET tcp_user_timeout = '1s'") // as each session of a store has it, for longer
    const lost = other.client.query(
      `SELECT paused.write_2('{2,2}', '{"/a","/b"}', '{"",""}', '{-1,-1}', '{0,0}', 1, 100000000)`,
    )
    other.socket.pause()
    assert.equal(await store.create('/c', bytes('x')), (last ?? 0) + 1)
    other.socket.destroy()
    await assert.rejects(lost)
  })

  it('the server is stopped and started: reads wait for it', async () => {
    await using store = await openPostgresStore(server().url('restarted'), {
      ...context,
      searchMsMax: 10_000,
    })
    const revision = await store.create('/a', bytes('x'))
    await server().stop()
    const read = store.get('/a')
    await server().start()
    assert.equal((await read).entry?.revision, revision)
    assert.equal(await store.create('/b', bytes('x')), revision + 1)
  })

  it('two replicas write at once: one order, seen by both without gaps; compare-and-swap loses nothing', async (t) => {
    t.diagnostic(`SEED=${testSeed}`)
    const random = seededRandom(testSeed)
    const url = server().url('two')
    await using first = await openPostgresStore(url, context)
    await using second = await openPostgresStore(url, context)
    const stores = [first, second]
    await first.create('/counter', bytes('0'))
    const watching = stores.map((store) => collect(store, t.signal))
    const increments = 40
    const count = async (store: Store) => {
      for (let i = 0; i < increments;) {
        const { entry } = await store.get('/counter')
        assert(entry)
        try {
          await store.update('/counter', bytes(String(Number(text(entry.value)) + 1)), entry.revision)
          i++
        } catch (error) {
          if (!isStoreError(error, 'conflict')) throw error
        }
      }
    }
    const fill = async (store: Store, name: string) => {
      for (let i = 0; i < 100; i++) {
        const written = await store.create(`/${name}/${i}`, bytes('x'))
        // The other replica knows of it at once.
        const other = random.float() < 0.5 ? first : second
        assert((await other.current()) >= written)
        assert.equal((await other.get(`/${name}/${i}`)).entry?.revision, written)
        if (random.float() < 0.5) await other.delete(`/${name}/${i}`, written)
      }
    }
    await Promise.all([count(first), count(second), fill(first, 'a'), fill(second, 'b'), fill(first, 'c')])
    assert.equal(text((await second.get('/counter')).entry?.value), String(2 * increments))
    for (const [i, store] of stores.entries()) await assertSeenAll(store, watching[i])
  })
})

/** Watches everything from the beginning, again after each break, until `until` is seen. */
function collect(store: Store, signal: AbortSignal) {
  const revisions: Revision[] = []
  let target = Infinity
  const ended = new AbortController()
  const run = async () => {
    let seen = 0
    while (seen < target) {
      try {
        for await (const { events, revision } of store.watch(
          all,
          seen,
          AbortSignal.any([signal, ended.signal]),
        )) {
          revisions.push(...events.map((event) => event.revision))
          seen = revision
          if (seen >= target) return
        }
        if (ended.signal.aborted || signal.aborted) return
      } catch (error) {
        if (!isStoreError(error, 'unavailable')) throw error
        await realClock.sleep(20)
      }
    }
  }
  const done = run()
  return {
    revisions,
    async until(revision: Revision) {
      target = revision
      const { events } = await watchUntil(store, { from: 0, until: revision, signal })
      while (revisions.length < events.length) {
        signal.throwIfAborted()
        await realClock.sleep(5)
      }
      ended.abort()
      await done
      return events
    },
  }
}

async function assertSeenAll(store: Store, watching: ReturnType<typeof collect> | undefined): Promise<void> {
  assert(watching)
  const until = await store.current()
  await watching.until(until)
  assert.deepEqual(
    watching.revisions.filter((revision) => revision <= until),
    Array.from({ length: until }, (_, i) => i + 1),
  )
}

/** A session that is no store's. */
async function openOther(port: number) {
  const socket = new Socket()
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: testPassword,
    ssl: false,
    stream: () => socket,
  })
  client.on('error', () => {}) // it is cut in the tests
  await client.connect()
  return { client, socket, [Symbol.asyncDispose]: async () => void socket.destroy() }
}

/** Until a session waits for an advisory lock. */
async function lockWaiter(sql: (text: string) => Promise<Record<string, unknown>[]>): Promise<void> {
  while ((await sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length === 0) {
    await realClock.sleep(5)
  }
}
