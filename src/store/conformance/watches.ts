import assert from 'node:assert/strict'

import { watchBacklogMax, type Revision, type Store, type StoreEvent } from '../store.ts'
import {
  all,
  bytes,
  described,
  fill,
  text,
  thrown,
  watchEvents,
  watchUntil,
  type Properties,
} from './suite.ts'

export const watches: Properties = {
  'a watch tells each change with its old and new value': async (store, signal) => {
    const fact = ({ type, value, previous, revision, createRevision }: StoreEvent) =>
      [type, text(value), text(previous), revision, createRevision].join(' ')
    const change = async (key: string) => {
      const created = await store.create(key, bytes('one'))
      const updated = await store.update(key, bytes('two'), created)
      const { revision: deleted } = await store.delete(key, updated)
      const facts = [
        `create one  ${created} ${created}`,
        `update two one ${updated} ${created}`,
        `delete two two ${deleted} ${created}`,
      ]
      return { facts, revision: deleted }
    }
    const start = await store.current()
    const first = await change('/a')
    const past = await watchUntil(store, { from: start, until: first.revision, signal })
    assert.deepEqual(past.events.map(fact), first.facts)

    const live = watchEvents(store, { from: first.revision, count: 3, signal })
    const second = await change('/b')
    assert.deepEqual((await live).map(fact), second.facts)
  },

  'a watch holds its range alone': async (store, signal) => {
    const from = await store.current()
    const live = watchEvents(store, { range: { prefix: '/a/' }, from, count: 2, signal })
    const until = await fill(store, ['/a', '/a/1', '/ab', '/a/2', '/b/1'])
    const past = await watchUntil(store, { range: { prefix: '/a/' }, from, until, signal })
    const range = { prefix: '/a/', after: '/a/1' }
    const after = await watchUntil(store, { range, from, until, signal })
    assert.deepEqual(
      past.events.map(({ key }) => key),
      ['/a/1', '/a/2'],
    )
    assert.deepEqual(
      (await live).map(({ key }) => key),
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
    const start = await store.current()
    const writer = async (name: number) => {
      for (let i = 0; i < each; i += 3) {
        const key = `/${name}/${i}`
        const created = await store.create(key, bytes('one'))
        const updated = await store.update(key, bytes('two'), created)
        await store.delete(key, updated)
      }
    }
    const watches: Promise<{ from: Revision; events: StoreEvent[] }>[] = []
    const watcher = async () => {
      const from = await store.current()
      return { from, events: await watchEvents(store, { from, lastKey: '/end', signal }) }
    }
    const starter = async () => {
      for (let i = 0; i < each / 3; i++) {
        watches.push(watcher())
        const past = await watchUntil(store, { from: start, until: await store.current(), signal })
        watches.push(Promise.resolve({ from: start, events: past.events }))
      }
    }
    await Promise.all([...Array.from({ length: writers }, (_, name) => writer(name)), starter()])
    const until = await store.create('/end', bytes('x'))
    const { events: whole } = await watchUntil(store, { from: start, until, signal })
    assert.equal(whole.length, writers * each + 1)
    for (const { from, events } of await Promise.all(watches)) {
      const last = events.at(-1)?.revision ?? from
      const expected = whole.filter(({ revision }) => revision > from && revision <= last)
      assert.deepEqual(events.map(described), expected.map(described))
    }
  },

  'the first batch comes at once, even if empty': async (store, signal) => {
    const start = await store.current()
    const revision = await fill(store, ['/a'])
    for (const from of [start, revision]) {
      for await (const batch of store.watch({ prefix: '/quiet/' }, from, signal)) {
        assert.deepEqual(batch.events, [])
        assert(batch.revision >= from && batch.revision <= (await store.current()))
        break
      }
    }
  },

  'a watcher of a quiet range learns how far the store has come': async (store, signal) => {
    const from = await store.current()
    const ended = new AbortController()
    const watch = store.watch({ prefix: '/quiet/' }, from, AbortSignal.any([signal, ended.signal]))
    let [seen, wanted] = [from, Infinity]
    const watching = (async () => {
      for await (const { events, revision } of watch) {
        assert.deepEqual(events, [])
        assert(revision >= seen, 'progress never goes back')
        seen = revision
        if (seen >= wanted) return
      }
    })()
    const keys = Array.from({ length: 50 }, (_, i) => `/busy/${i}`)
    wanted = await fill(store, keys)
    if (seen >= wanted) ended.abort()
    await watching
    assert(seen >= wanted)
  },

  'a watch that reads a long past is complete': async (store, signal) => {
    const from = await store.current()
    const creates = Array.from({ length: 5_000 }, (_, i) => store.create(`/${i}`, bytes(String(i))))
    const revisions = (await Promise.all(creates)).toSorted((a, b) => a - b)
    const until = revisions.at(-1) ?? 0
    const { events } = await watchUntil(store, { from, until, signal })
    assert.deepEqual(
      events.map(({ revision }) => revision),
      revisions,
    )
  },

  'a watch ends without an error when its signal aborts, and delivers nothing after': async (store) => {
    const ended = new AbortController()
    const seen: string[] = []
    const from = await store.current()
    const watching = (async () => {
      for await (const { events } of store.watch(all, from, ended.signal)) {
        seen.push(...events.map(({ key }) => key))
        if (seen.length > 0) ended.abort()
      }
    })()
    await store.create('/a', bytes('x'))
    await watching
    await store.create('/b', bytes('x'))
    assert.deepEqual(seen, ['/a'])
    for await (const _ of store.watch(all, from, ended.signal)) assert.fail('it was aborted before it began')
  },

  'an idle watch ends when its signal aborts': async (store) => {
    const ended = new AbortController()
    const from = await store.current()
    for await (const { revision } of store.watch(all, from, ended.signal)) {
      assert(revision >= from)
      setImmediate(() => ended.abort())
    }
  },

  'a watcher that reads too slowly ends with lagging and can go on from what it saw': async (
    store,
    signal,
  ) => {
    const from = await store.current()
    const watch = store.watch(all, from, signal)[Symbol.asyncIterator]()
    const first = await watch.next()
    assert.deepEqual(first.value?.events, [])
    const attentive = watchEvents(store, { from, count: watchBacklogMax + 1, signal })
    const until = await createMany(store, watchBacklogMax + 1)
    await attentive // then the other one, too, could have seen everything
    const error = await thrown('lagging', () => watch.next())
    assert.equal(error.revision, first.value?.revision)
    const { events } = await watchUntil(store, { from, until, signal })
    assert.equal(events.length, watchBacklogMax + 1)
  },

  'a watcher that reads too slowly delays no other and no writer': async (store, signal) => {
    const from = await store.current()
    const slow = store.watch(all, from, signal)[Symbol.asyncIterator]()
    await slow.next()
    const fast = watchEvents(store, { from, count: 1_000, signal })
    await createMany(store, 1_000)
    assert.equal((await fast).length, 1_000)
    await slow.return?.()
  },

  'disposing the store ends its watches and refuses later calls': async (store, signal) => {
    const from = await store.current()
    const watching = (async () => {
      for await (const _ of store.watch(all, from, signal)); // until the store ends it
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
      () => store.watch(all, from, signal)[Symbol.asyncIterator]().next(),
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

/** The revision of the latest. */
async function createMany(store: Store, count: number): Promise<Revision> {
  const stepMax = 1_000
  let latest = 0
  for (let from = 0; from < count; from += stepMax) {
    const step = Array.from({ length: Math.min(stepMax, count - from) }, (_, i) => `/many/${from + i}`)
    latest = Math.max(...(await Promise.all(step.map((key) => store.create(key, bytes('x'))))))
  }
  return latest
}
