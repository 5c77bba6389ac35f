import assert from 'node:assert/strict'

import { realClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/ids.ts'
import { isStoreError, type Range, type Revision, type Store, type StoreEvent } from '../store.ts'
import { all, bytes, described, fill, text, watchEvents, watchUntil, type Properties } from './suite.ts'

/** What a watch cache relies on: a list and the changes after it are the state, wherever it begins and however often it is interrupted. */
export const caches: Properties = {
  'a list and the changes after it make every later state': async (store, signal) => {
    const range: Range = { prefix: '/c/' }
    const writing = writeAtRandom(store, 400)
    const snapshots: { readonly revision: Revision; readonly state: Map<string, string> }[] = []
    let isWriting = true
    void writing.then(() => (isWriting = false))
    while (isWriting) snapshots.push(await snapshot(store, range))
    await writing
    const end = await snapshot(store, range)
    for (const { revision, state } of snapshots.slice(0, 10)) {
      const { events } = await watchUntil(store, { range, from: revision, until: end.revision, signal })
      for (const { type, key, value, revision: at } of events) {
        if (type === 'delete') state.delete(key)
        else state.set(key, `${at}=${text(value) ?? ''}`)
      }
      assert.deepEqual(sorted(state), sorted(end.state), `from revision ${revision}`)
    }
  },

  'a watch that is begun again after each batch has no gap and no repetition': async (store, signal) => {
    const start = await store.current()
    const writing = writeAtRandom(store, 300)
    const seen: StoreEvent[] = []
    let from = start
    const restarting = (async () => {
      for (;;) {
        for await (const { events, revision } of store.watch(all, from, signal)) {
          seen.push(...events)
          from = revision
          if (events.length > 0) break
        }
        if (seen.at(-1)?.key === '/end') return
      }
    })()
    await writing
    const until = await store.create('/end', bytes('x'))
    await restarting
    const { events } = await watchUntil(store, { from: start, until, signal })
    assert.deepEqual(seen.map(described), events.map(described))
  },

  'each change tells the value before it and the beginning of its key': async (store, signal) => {
    const from = await store.current()
    await writeAtRandom(store, 300)
    await store.create('/end', bytes('x'))
    const lives = new Map<string, { readonly value: string | undefined; readonly createRevision: Revision }>()
    for (const event of await watchEvents(store, { from, lastKey: '/end', signal })) {
      const { type, key, value, previous, revision, createRevision } = event
      const life = lives.get(key)
      assert.equal(type === 'create', life === undefined, `${described(event)} follows what was there`)
      assert.equal(text(previous), life?.value)
      assert.equal(createRevision, life?.createRevision ?? revision)
      if (type === 'delete') assert.equal(text(value), life?.value)
      if (type === 'delete') lives.delete(key)
      else lives.set(key, { value: text(value), createRevision })
    }
    const { entries } = await store.list({ prefix: '/c/' })
    lives.delete('/end')
    assert.deepEqual(
      new Map(entries.map(({ key, createRevision }) => [key, createRevision])),
      new Map([...lives].map(([key, { createRevision }]) => [key, createRevision])),
    )
  },

  'a watcher of a quiet range comes to whatever current has told': async (store, signal) => {
    let seen = await store.current()
    const watching = (async () => {
      for await (const { revision } of store.watch({ prefix: '/quiet/' }, seen, signal)) seen = revision
    })()
    for (let i = 0; i < 10; i++) {
      await fill(store, [`/busy/${i}`])
      const told = await store.current()
      while (seen < told) {
        await realClock.sleep(1, signal)
      }
    }
    await store[Symbol.asyncDispose]()
    await watching
  },

  'the revision that a write has answered can be read at and watched from at once': async (store, signal) => {
    await fill(store, ['/c/0'])
    const writer = async (name: number) => {
      for (let i = 0; i < 10; i++) {
        const key = `/c/${name}/${i}`
        const revision = await store.create(key, bytes('one'))
        assert.equal((await store.get(key, { at: revision })).entry?.revision, revision)
        const range: Range = { prefix: key }
        const next = watchEvents(store, { range, from: revision, count: 1, signal })
        const updated = await store.update(key, bytes('two'), revision)
        assert.deepEqual((await next).map(described), [`update ${key} ${updated}=two`])
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, name) => writer(name)))
  },
}

const keyCount = 12
const writerCount = 6

/** Creates, updates and deletes of a few keys, by several writers that get in each other's way. */
async function writeAtRandom(store: Store, count: number): Promise<void> {
  const writer = async (name: number) => {
    const random = seededRandom(name)
    for (let i = 0; i < count / writerCount; i++) {
      const key = `/c/${String(Math.floor(random.float() * keyCount)).padStart(2, '0')}`
      const value = bytes(`${name}.${i}`)
      const { entry } = await store.get(key)
      const isDelete = random.float() < 0.3
      const change = !entry
        ? store.create(key, value)
        : isDelete
          ? store.delete(key, entry.revision)
          : store.update(key, value, entry.revision)
      await change.catch((error: unknown) => {
        const isRace = ['exists', 'missing', 'conflict'] as const
        if (!isRace.some((code) => isStoreError(error, code))) throw error
      })
    }
  }
  await Promise.all(Array.from({ length: writerCount }, (_, name) => writer(name)))
}

async function snapshot(store: Store, range: Range) {
  const { entries, revision } = await store.list(range)
  const state = new Map(entries.map(({ key, value, revision: at }) => [key, `${at}=${text(value) ?? ''}`]))
  return { revision, state }
}

const sorted = (state: ReadonlyMap<string, string>) => [...state].toSorted(([a], [b]) => (a < b ? -1 : 1))
