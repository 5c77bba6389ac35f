import assert from 'node:assert/strict'

import { watchBacklogMax, type Store, type StoreEvent } from '../store.ts'
import { all, bytes, described, fill, text, thrown, watchUntil, type Properties } from './suite.ts'

export const watches: Properties = {
  'a watch tells each change with its old and new value': async (store, signal) => {
    await store.create('/a', bytes('one'))
    await store.update('/a', bytes('two'), 1)
    await store.delete('/a')
    const fact = ({ type, value, previous, revision, createRevision }: StoreEvent) =>
      [type, text(value), text(previous), revision, createRevision].join(' ')
    const expected = ['create one  1 1', 'update two one 2 1', 'delete two two 3 1']
    const past = await watchUntil(store, { from: 0, until: 3, signal })
    assert.deepEqual(past.events.map(fact), expected)

    const live = watchUntil(store, { from: 3, until: 6, signal })
    await store.create('/b', bytes('one'))
    await store.update('/b', bytes('two'), 4)
    await store.delete('/b', 5)
    const lived = ['create one  4 4', 'update two one 5 4', 'delete two two 6 4']
    assert.deepEqual((await live).events.map(fact), lived)
  },

  'a watch holds its range alone': async (store, signal) => {
    const keys = ['/a', '/a/1', '/ab', '/a/2', '/b/1']
    const live = watchUntil(store, { range: { prefix: '/a/' }, from: 0, until: keys.length, signal })
    await fill(store, keys)
    const past = await watchUntil(store, { range: { prefix: '/a/' }, from: 0, until: keys.length, signal })
    const after = await watchUntil(store, {
      range: { prefix: '/a/', after: '/a/1' },
      from: 0,
      until: keys.length,
      signal,
    })
    assert.deepEqual(
      past.events.map(({ key }) => key),
      ['/a/1', '/a/2'],
    )
    assert.deepEqual(
      (await live).events.map(({ key }) => key),
      ['/a/1', '/a/2'],
    )
    assert.deepEqual(
      after.events.map(({ key }) => key),
      ['/a/2'],
    )
  },

  'a watch from any revision gives the past, then the present, without gap or repetition': async (
    store,
    signal,
  ) => {
    const writers = 8
    const each = 60
    const until = writers * each
    const writer = async (name: number) => {
      for (let i = 0; i < each; i += 3) {
        const key = `/${name}/${i}`
        const created = await store.create(key, bytes('one'))
        const updated = await store.update(key, bytes('two'), created)
        await store.delete(key, updated)
      }
    }
    const watches: Promise<{ from: number; lines: string[] }>[] = []
    const watcher = async () => {
      const from = await store.current()
      const { events } = await watchUntil(store, { from, until, signal })
      return { from, lines: events.map(described) }
    }
    const starter = async () => {
      for (let i = 0; i < each / 3; i++) {
        watches.push(watcher())
        const { events } = await watchUntil(store, { from: 0, until: Math.min(until, i * writers), signal })
        assert.deepEqual(
          events.map(({ revision }) => revision),
          events.map((_, n) => n + 1),
        )
      }
    }
    await Promise.all([...Array.from({ length: writers }, (_, name) => writer(name)), starter()])
    const { events } = await watchUntil(store, { from: 0, until, signal })
    const whole = events.map(described)
    assert.equal(whole.length, until)
    for (const { from, lines } of await Promise.all(watches)) assert.deepEqual(lines, whole.slice(from))
  },

  'the first batch comes at once, even if empty': async (store, signal) => {
    const revision = await fill(store, ['/a'])
    for (const from of [0, revision]) {
      for await (const batch of store.watch({ prefix: '/quiet/' }, from, signal)) {
        assert.deepEqual(batch, { events: [], revision })
        break
      }
    }
  },

  'a watcher of a quiet range learns how far the store has come': async (store, signal) => {
    const watching = watchUntil(store, { range: { prefix: '/quiet/' }, from: 0, until: 50, signal })
    await fill(
      store,
      Array.from({ length: 50 }, (_, i) => `/busy/${i}`),
    )
    assert.deepEqual((await watching).events, [])
  },

  'a watch that reads a long past is complete': async (store, signal) => {
    const count = 5_000
    await Promise.all(Array.from({ length: count }, (_, i) => store.create(`/${i}`, bytes(String(i)))))
    const { events } = await watchUntil(store, { from: 0, until: count, signal })
    assert.deepEqual(
      events.map(({ revision }) => revision),
      Array.from({ length: count }, (_, i) => i + 1),
    )
  },

  'a watch ends without an error when its signal aborts, and delivers nothing after': async (store) => {
    const ended = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      for await (const { events } of store.watch(all, 0, ended.signal)) {
        seen.push(...events.map(({ key }) => key))
        if (seen.length > 0) ended.abort()
      }
    })()
    await store.create('/a', bytes('x'))
    await watching
    await store.create('/b', bytes('x'))
    assert.deepEqual(seen, ['/a'])
    for await (const _ of store.watch(all, 0, ended.signal)) assert.fail('it was aborted before it began')
  },

  'an idle watch ends when its signal aborts': async (store) => {
    const ended = new AbortController()
    for await (const { revision } of store.watch(all, 0, ended.signal)) {
      assert.equal(revision, 0)
      setImmediate(() => ended.abort())
    }
  },

  'a watcher that reads too slowly ends with lagging and can go on from what it saw': async (
    store,
    signal,
  ) => {
    const watch = store.watch(all, 0, signal)[Symbol.asyncIterator]()
    assert.deepEqual((await watch.next()).value, { events: [], revision: 0 })
    await createMany(store, watchBacklogMax + 1)
    const error = await thrown('lagging', () => watch.next())
    assert.equal(error.revision, 0)
    const { events } = await watchUntil(store, { from: 0, until: watchBacklogMax + 1, signal })
    assert.equal(events.length, watchBacklogMax + 1)
  },

  'a watcher that reads too slowly delays no other and no writer': async (store, signal) => {
    const slow = store.watch(all, 0, signal)[Symbol.asyncIterator]()
    await slow.next()
    const fast = watchUntil(store, { from: 0, until: 1_000, signal })
    await createMany(store, 1_000)
    assert.equal((await fast).events.length, 1_000)
    await slow.return?.()
  },

  'disposing the store ends its watches and refuses later calls': async (store, signal) => {
    const watching = (async () => {
      for await (const _ of store.watch(all, 0, signal)); // until the store ends it
    })()
    await store.create('/a', bytes('x'))
    await store[Symbol.asyncDispose]()
    await watching
    for (const action of [
      () => store.current(),
      () => store.compacted(),
      () => store.get('/a'),
      () => store.list(all),
      () => store.create('/b', bytes('x')),
      () => store.update('/a', bytes('x'), 1),
      () => store.delete('/a'),
      () => store.compact(0),
      () => store.watch(all, 0, signal)[Symbol.asyncIterator]().next(),
    ]) {
      await thrown('unavailable', action)
    }
    await store[Symbol.asyncDispose]()
  },

  'a write that was under way when the store was disposed is finished': async (store) => {
    const writes = Array.from({ length: 20 }, (_, i) => store.create(`/${i}`, bytes('x')))
    await store[Symbol.asyncDispose]()
    assert.equal(new Set(await Promise.all(writes)).size, 20)
  },
}

async function createMany(store: Store, count: number): Promise<void> {
  const stepMax = 1_000
  for (let from = 0; from < count; from += stepMax) {
    const step = Array.from({ length: Math.min(stepMax, count - from) }, (_, i) => `/many/${from + i}`)
    await Promise.all(step.map((key) => store.create(key, bytes('x'))))
  }
}
