import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'

import pg from 'pg'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { createLogger, silentLogger } from '../../base/logger.ts'
import { all, bytes, keysOf, text, thrown, watchEvents, watchUntil } from '../conformance/suite.ts'
import { openPostgresStore } from './postgres-store.ts'
import { startTestProxy } from './test-proxy.ts'
import { serverForTests, skipReason, testPassword } from './test-server.ts'

const context = { clock: realClock, logger: silentLogger, random: realRandom }
/** Nothing is found by polling. */
const patient = { ...context, pollMs: 600_000 }
const hasty = { ...context, answerMsMax: 1_000, searchMsMax: 500 }

describe('PostgreSQL in operation', { skip: skipReason() }, () => {
  const server = serverForTests({ autovacuum_naptime: '1s' })
  const sql = (statement: string) => server().sql(statement)

  it('replicas that start at once create the tables once', async () => {
    const opened = await Promise.all(
      Array.from({ length: 6 }, () => openPostgresStore(server().url('many'), context)),
    )
    await Promise.all(opened.map((store, i) => store.create(`/${i}`, bytes('x'))))
    for (const store of opened) {
      assert.equal((await keysOf(store, '')).length, 6)
      assert.deepEqual([store.capabilities.durable, store.capabilities.shared], [true, true])
    }
    await Promise.all(opened.map((store) => store[Symbol.asyncDispose]()))
  })

  it('what was written is there after all replicas are gone', async (t) => {
    const url = server().url('reopened')
    let revision = 0
    {
      await using store = await openPostgresStore(url, context)
      await store.create('/a\0b', bytes('nul')) // which PostgreSQL's text can't hold
      revision = await store.create('/ü', bytes('two'))
    }
    await using store = await openPostgresStore(url, context)
    assert.equal(await store.current(), revision)
    assert.deepEqual(await keysOf(store, ''), ['/a\0b', '/ü'])
    const { events } = await watchUntil(store, { from: 0, until: revision, signal: t.signal })
    assert.deepEqual(
      events.map(({ key }) => key),
      ['/a\0b', '/ü'],
    )
  })

  it('tables of a later format, of someone else, or without a right to create them are refused with a sentence', async () => {
    {
      await using store = await openPostgresStore(server().url('later'), context)
      await store.create('/a', bytes('x'))
    }
    await sql("UPDATE later.meta SET value = 4 WHERE name = 'format'")
    const later = await thrown('newer', () => openPostgresStore(server().url('later'), context))
    assert.match(later.message, /format 4.*later Sampan/)
    await sql('CREATE SCHEMA foreign_one; CREATE TABLE foreign_one.log (x int)')
    assert.match(
      (await thrown('corrupt', () => openPostgresStore(server().url('foreign_one'), context))).message,
      /not Sampan's/,
    )
    await sql(`CREATE ROLE powerless LOGIN PASSWORD '${testPassword}'`)
    const powerless = server().url('denied').replace('postgres:', 'powerless:')
    assert.match(
      (await thrown('unavailable', () => openPostgresStore(powerless, context))).message,
      /Grant the user CREATE/,
    )
  })

  it('a wrong password and a wrong database are told at once, without the password', async () => {
    for (const url of [
      server().url('x').replace(testPassword, 'wrong-word'),
      server().url('x').replace('/postgres?', '/nowhere?'),
    ]) {
      const startMs = realClock.monotonicMs()
      const error = await thrown('unavailable', () => openPostgresStore(url, context))
      assert(realClock.monotonicMs() - startMs < 5_000)
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /wrong-word|pass-word/)
    }
  })

  it('the password may be in a file, and change there', async (t) => {
    const file = join(mkdtempSync(join(tmpdir(), 'sampan-password-')), 'password')
    t.after(() => rmSync(dirname(file), { recursive: true }))
    const url = `${server().url('x').replace(`:${testPassword}@`, '@')}&password-file=${file}`
    assert.match(
      (await thrown('invalid', () => openPostgresStore(url, context))).message,
      /password-file.*ENOENT/,
    )
    writeFileSync(file, `${testPassword}\n`)
    await using store = await openPostgresStore(url, context)
    await store.current()
  })

  it('a server that does not sync is told of', async () => {
    const lines: string[] = []
    const logger = createLogger({ clock: realClock, level: 'warn', write: (line) => lines.push(line) })
    await sql('ALTER SYSTEM SET fsync = off')
    await sql('SELECT pg_reload_conf()')
    try {
      await using store = await openPostgresStore(server().url('unsynced'), { ...context, logger })
      assert.equal(store.capabilities.durable, false)
      assert.match(lines.join('\n'), /fsync = off/)
    } finally {
      await sql('ALTER SYSTEM RESET fsync')
      await sql('SELECT pg_reload_conf()')
    }
  })

  it('a write whose notification is lost is found by polling', async (t) => {
    await using store = await openPostgresStore(server().url('silent'), { ...context, pollMs: 100 })
    const created = await store.create('/a', bytes('x'))
    const watching = watchEvents(store, { from: created, count: 1, signal: t.signal })
    await sql(`INSERT INTO silent.log VALUES (${created + 1}, 0, ${created + 1}, 7, 0, '/b', 'y')`)
    const [event] = await watching
    assert.deepEqual([event?.type, event?.key, text(event?.value)], ['create', '/b', 'y'])
  })

  const laterFunctions = { 1: ['write_2', 'create_3', 'replace_3'], 2: ['create_3', 'replace_3'] }
  for (const [format, functions] of Object.entries(laterFunctions)) {
    it(`tables of format ${format} are brought to format 3, with what is in them, once by replicas that start together`, async () => {
      const schema = `earlier_${format}`
      const url = server().url(schema)
      {
        await using store = await openPostgresStore(url, context)
        await store.create('/a', bytes('x'))
      }
      // What the format had; its own functions for a write that is alone are left to the replicas that still call them.
      await sql(`DROP FUNCTION ${functions.map((name) => `${schema}.${name}`).join(', ')};
        UPDATE ${schema}.meta SET value = ${format} WHERE name = 'format'`)
      const opened = await Promise.all([1, 2, 3].map(() => openPostgresStore(url, context)))
      await Promise.all(opened.map((store, i) => store.create(`/${i}`, bytes('y'))))
      await using next = await openPostgresStore(url, context)
      const { entry } = await next.get('/a')
      await next.update('/a', bytes('z'), entry?.revision ?? 0)
      await Promise.all(['/b', '/c'].map((key) => next.create(key, bytes('y')))) // as a group
      for (const store of opened) {
        assert.deepEqual(await keysOf(store, ''), ['/0', '/1', '/2', '/a', '/b', '/c'])
        assert.equal(text((await store.get('/a')).entry?.value), 'z')
      }
      await Promise.all(opened.map((store) => store[Symbol.asyncDispose]()))
      const [row] = await sql(`SELECT value FROM ${schema}.meta WHERE name = 'format'`)
      assert.equal(Number(row?.['value']), 3)
    })
  }

  it('a write that is alone answers as one in a group does, whatever it replaces', async (t) => {
    const url = server().url('lone')
    await using store = await openPostgresStore(url, context)
    const large = new Uint8Array(300 * 1024).fill(7) // more than an answer has room for: it is read from the log
    const values = [bytes(''), bytes('x'), large, bytes('')]
    /** Each value replaces the one before it, then what is refused, then a delete. */
    const write = async (key: string) => {
      let revision = await store.create(key, bytes('first'))
      for (const value of values) revision = await store.update(key, value, revision)
      const refused = [
        await thrown('exists', () => store.create(key, bytes('x'))),
        await thrown('conflict', () => store.update(key, bytes('x'), revision - 1)),
        await thrown('conflict', () => store.delete(key, revision - 1)),
        await thrown('missing', () => store.update(`${key}/none`, bytes('x'), revision)),
        await thrown('missing', () => store.delete(`${key}/none`)),
      ].map(({ code, revision: at }) => [code, at === revision])
      const { entry, revision: deleted } = await store.delete(key)
      return { refused, deleted: [entry.value, entry.revision === revision, deleted > revision] }
    }
    const watching = watchEvents(store, { from: 0, count: 3 * (values.length + 2), signal: t.signal })
    const lone = await write('/lone')
    const grouped = await Promise.all(['/one', '/two'].map(write))
    for (const answers of grouped) assert.deepEqual(answers, lone)
    const events = await watching
    for (const name of ['/lone', '/one', '/two']) {
      const previous = events.filter(({ key }) => key === name).map((event) => event.previous)
      assert.deepEqual(previous, [undefined, bytes('first'), ...values])
    }
  })

  it('who writes notifies when someone else is there, and only then', { timeout: 60_000 }, async (t) => {
    const url = server().url('alone')
    await using store = await openPostgresStore(url, patient)
    await untilPresent(sql, 1)
    const listener = new pg.Client({
      host: '127.0.0.1',
      port: server().port,
      user: 'postgres',
      password: testPassword,
      ssl: false,
    })
    const heard: string[] = []
    listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
    await listener.connect()
    t.after(() => listener.end())
    await listener.query('LISTEN sampan_alone')
    const alone = await store.create('/a', bytes('x'))
    {
      await using other = await openPostgresStore(url, patient)
      await untilPresent(sql, 2)
      const seen = watchEvents(other, { from: alone, count: 2, signal: t.signal })
      await store.create('/b', bytes('x'))
      await Promise.all([store.create('/c', bytes('x')), store.create('/d', bytes('x'))]) // as a group
      await seen
    }
    await untilPresent(sql, 1)
    await store.create('/e', bytes('x'))
    // Its answer comes after the notifications that were committed before it.
    await listener.query("NOTIFY sampan_alone, 'end'")
    assert.deepEqual(heard, [String(alone + 1), String(alone + 3), 'end'])
  })

  it('who comes while others write misses nothing, without polling', { timeout: 60_000 }, async (t) => {
    const url = server().url('newcomers')
    await using writer = await openPostgresStore(url, patient)
    for (let round = 0; round < 5; round++) {
      let isOpen = false
      const opening = openPostgresStore(url, patient).finally(() => (isOpen = true))
      for (let i = 0; !isOpen; i++) await writer.create(`/${round}/${i}`, bytes('x'))
      await using newcomer = await opening
      const until = await writer.create(`/${round}/last`, bytes('x'))
      const { events } = await watchUntil(newcomer, { from: 0, until, signal: t.signal })
      assert.equal(events.length, until)
    }
  })

  it(
    'a process that lost its session for writes is present again, though it writes nothing',
    {
      timeout: 60_000,
    },
    async (t) => {
      const url = server().url('rejoined')
      await using store = await openPostgresStore(url, { ...context, pollMs: 100 })
      await untilPresent(sql, 1)
      await sql(`SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE ${isPresent}`)
      await untilPresent(sql, 1)
      await using other = await openPostgresStore(url, context)
      const created = await other.create('/a', bytes('x'))
      const { events } = await watchUntil(store, { from: 0, until: created, signal: t.signal })
      assert.equal(events.length, 1)
    },
  )

  it("a replica's keys expire, also when it is gone", async (t) => {
    const url = server().url('expiring')
    await using survivor = await openPostgresStore(url, { ...context, sweepMs: 200 })
    {
      await using store = await openPostgresStore(url, context)
      await store.create('/a', bytes('x'), { ttlMs: 50 })
    }
    const [, event] = await watchEvents(survivor, { from: 0, count: 2, signal: t.signal })
    assert.deepEqual([event?.type, event?.key], ['delete', '/a'])
  })

  it('a watcher that was cut off while its history was compacted is told so', async (t) => {
    const url = server().url('behind')
    await using proxy = await startTestProxy(server().port)
    await using behind = await openPostgresStore(server().url('behind', proxy.port), {
      ...hasty,
      pollMs: 100,
    })
    await using other = await openPostgresStore(url, context)
    const first = await other.create('/a', bytes('x'))
    const watch = behind.watch(all, 0, t.signal)[Symbol.asyncIterator]()
    for (let seen = 0; seen < first;) {
      const { value, done } = await watch.next()
      assert(!done, 'the watch ended')
      seen = value.revision
    }
    proxy.swallow(true)
    await other.create('/b', bytes('x'))
    const last = await other.create('/c', bytes('x'))
    await other.compact(last)
    proxy.swallow(false)
    proxy.cut()
    const error = await thrown('compacted', () => watch.next())
    assert.equal(error.revision, last)
    const next = await other.create('/d', bytes('x'))
    const { events } = await watchUntil(behind, { from: last, until: next, signal: t.signal })
    assert.deepEqual(
      events.map(({ key }) => key),
      ['/d'],
    )
  })

  it('a dump restored under a running replica is noticed, also where it has other writes by now', async () => {
    const changes = {
      restored: 'DELETE FROM restored.log WHERE revision = 2; DELETE FROM restored.live WHERE revision = 2',
      overtaken: 'UPDATE overtaken.log SET stamp = 1 WHERE revision = 2',
    }
    for (const [schema, change] of Object.entries(changes)) {
      const givenUp = Promise.withResolvers<Error>()
      const onGivenUp = (error: Error) => givenUp.resolve(error)
      await using store = await openPostgresStore(server().url(schema), { ...context, onGivenUp })
      await store.create('/a', bytes('x'))
      await store.create('/b', bytes('x'))
      await sql(change)
      assert.match((await givenUp.promise).message, /no longer has the revision 2/)
      await thrown('corrupt', () => store.create('/c', bytes('x')))
      await using next = await openPostgresStore(server().url(schema), context)
      assert.ok((await keysOf(next, '')).includes('/a'))
    }
  })

  it('the size stays bounded under many updates of the same keys', async (t) => {
    const [keys, rounds, updates] = [200, 5, 5_000]
    await using store = await openPostgresStore(server().url('bounded'), context)
    const value = new Uint8Array(1_024).fill(120)
    const sizes: number[] = []
    const revisions = new Map<string, number>()
    const one = async (name: number) => {
      const key = `/objects/${name}`
      let revision = revisions.get(key) ?? (await store.create(key, value))
      for (let i = 0; i < updates / keys; i++) revision = await store.update(key, value, revision)
      revisions.set(key, revision)
    }
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: keys }, (_, name) => one(name)))
      // What the store does every so often, and what the server's autovacuum does behind it.
      await store.compact(await store.current())
      await sql('VACUUM bounded.log, bounded.live, bounded.past')
      sizes.push(await sizeOf(sql, 'bounded'))
    }
    const [rows] = await sql(
      'SELECT (SELECT count(*) FROM bounded.log) AS log, (SELECT count(*) FROM bounded.past) AS past',
    )
    // The log's last row stays, and what it replaced.
    assert.deepEqual([Number(rows?.['log']), Number(rows?.['past'])], [keys + 1, 1])
    t.diagnostic(`${rounds} times ${updates} updates of ${keys} KiB, kB on disk: ${sizes.join(' ')}`)
    assert.equal((await keysOf(store, '')).length, keys)
    const [first = 0] = sizes
    assert(Math.max(...sizes) < 1.5 * first, `the tables grew from ${first} to ${Math.max(...sizes)} kB`)
  })
})

const isPresent = "locktype = 'advisory' AND mode = 'ShareLock' AND granted"

/** Until so many processes have told that they want to hear of writes. */
async function untilPresent(
  sql: (text: string) => Promise<Record<string, unknown>[]>,
  count: number,
): Promise<void> {
  while ((await sql(`SELECT FROM pg_locks WHERE ${isPresent}`)).length !== count) await realClock.sleep(5)
}

const sizeOf = async (
  sql: (text: string) => Promise<Record<string, unknown>[]>,
  schema: string,
): Promise<number> => {
  const tables = ['log', 'live', 'past'].map((name) => `pg_total_relation_size('${schema}.${name}')`)
  const [row] = await sql(`SELECT ((${tables.join(' + ')}) / 1024)::int AS size`)
  return Number(row?.['size'])
}
