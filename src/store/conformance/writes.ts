import assert from 'node:assert/strict'

import { isStoreError } from '../store.ts'
import { bytes, fill, keysOf, text, thrown, watchEvents, watchUntil, type Properties } from './suite.ts'

export const writes: Properties = {
  'an empty store has a revision and holds nothing': async (store) => {
    const revision = await store.current()
    assert(Number.isSafeInteger(revision) && revision >= 0)
    assert((await store.compacted()) <= revision)
    assert.deepEqual(await store.list({ prefix: '' }), { entries: [], revision, more: false, remaining: 0 })
    assert.deepEqual(await store.get('/a'), { entry: undefined, revision })
  },

  'each write takes a greater revision, whatever its key': async (store) => {
    const start = await store.current()
    const first = await store.create('/a', bytes('1'))
    const second = await store.create('/z', bytes('1'))
    const third = await store.update('/a', bytes('2'), first)
    const { revision: fourth } = await store.delete('/z')
    assert(start < first && first < second && second < third && third < fourth)
    assert.equal(await store.current(), fourth)
  },

  'a created key is read back with its value and revisions': async (store) => {
    const revision = await store.create('/a', bytes('one'))
    const { entry } = await store.get('/a')
    assert.deepEqual(entry, { key: '/a', value: bytes('one'), revision, createRevision: revision })
    assert.equal(Object.getPrototypeOf(entry?.value), Uint8Array.prototype)
  },

  'creating a key that exists throws exists and changes nothing': async (store) => {
    const created = await store.create('/a', bytes('one'))
    const error = await thrown('exists', () => store.create('/a', bytes('two')))
    assert.equal(error.key, '/a')
    assert.equal(text((await store.get('/a')).entry?.value), 'one')
    assert.equal(await store.current(), created)
  },

  'an update replaces the value and keeps the create revision': async (store) => {
    const created = await store.create('/a', bytes('one'))
    const updated = await store.update('/a', bytes('two'), created)
    const { entry } = await store.get('/a')
    assert.deepEqual(entry, { key: '/a', value: bytes('two'), revision: updated, createRevision: created })
  },

  'updating a key that is not there throws missing': async (store) => {
    const start = await store.current()
    for (const expected of [1, 0, -1]) {
      const error = await thrown('missing', () => store.update('/a', bytes('one'), expected))
      assert.equal(error.key, '/a')
    }
    assert.equal((await store.get('/a')).entry, undefined)
    assert.equal(await store.current(), start)
  },

  'an update from another revision throws conflict with the present one': async (store) => {
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    for (const expected of [first, second + 1, 0, -1]) {
      const error = await thrown('conflict', () => store.update('/a', bytes('three'), expected))
      assert.equal(error.revision, second)
    }
    assert.equal(text((await store.get('/a')).entry?.value), 'two')
  },

  'a delete gives back the last entry': async (store) => {
    const created = await store.create('/a', bytes('one'))
    const updated = await store.update('/a', bytes('two'), created)
    const { revision, entry } = await store.delete('/a')
    assert(revision > updated)
    assert.equal(await store.current(), revision)
    assert.deepEqual(entry, { key: '/a', value: bytes('two'), revision: updated, createRevision: created })
    assert.equal((await store.get('/a')).entry, undefined)
  },

  'a delete with an expectation throws conflict when it does not hold': async (store) => {
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    for (const expected of [first, 0, -1]) {
      const error = await thrown('conflict', () => store.delete('/a', expected))
      assert.equal(error.revision, second)
    }
    assert((await store.delete('/a', second)).revision > second)
  },

  'deleting a key that is not there throws missing': async (store) => {
    await thrown('missing', () => store.delete('/a'))
    for (const expected of [1, 0, -1]) await thrown('missing', () => store.delete('/a', expected))
  },

  'a key created again begins a new life': async (store) => {
    await store.create('/a', bytes('one'))
    await store.delete('/a')
    const created = await store.create('/a', bytes('two'))
    const { entry } = await store.get('/a')
    assert.deepEqual([entry?.revision, entry?.createRevision], [created, created])
  },

  'the caller may reuse its buffer after a write': async (store) => {
    const value = bytes('one')
    const created = await store.create('/a', value)
    value.fill(0)
    assert.equal(text((await store.get('/a')).entry?.value), 'one')
    assert.equal(text((await store.get('/a', { at: created })).entry?.value), 'one')
  },

  'writes of one moment to different keys all succeed, each with its own revision': async (store) => {
    const keys = Array.from({ length: 500 }, (_, i) => `/many/${String(i).padStart(4, '0')}`)
    const revisions = await Promise.all(keys.map((key) => store.create(key, bytes(key))))
    assert.equal(new Set(revisions).size, keys.length)
    assert.equal(await store.current(), Math.max(...revisions))
    assert.deepEqual(await keysOf(store, '/many/'), keys)
  },

  'a refused write among others of the same moment harms none of them': async (store, signal) => {
    const start = await fill(store, ['/taken'])
    const results = await Promise.allSettled([
      store.create('/a', bytes('a')),
      store.create('/taken', bytes('b')),
      store.update('/nowhere', bytes('c'), 1),
      store.create('/d', bytes('d')),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(await keysOf(store, ''), ['/a', '/d', '/taken'])
    const { events } = await watchUntil(store, { from: start, until: await store.current(), signal })
    assert.deepEqual(events.map(({ key }) => key).toSorted(), ['/a', '/d'])
  },

  'of many creates of one key exactly one succeeds': async (store) => {
    const tries = Array.from({ length: 50 }, (_, i) => store.create('/one', bytes(String(i))))
    const results = await Promise.allSettled(tries)
    const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [String(i)] : []))
    assert.deepEqual(winners, [text((await store.get('/one')).entry?.value)])
  },

  'many concurrent compare-and-swaps of one key lose no update': async (store, signal) => {
    const from = await store.create('/counter', bytes('0'))
    const increment = async () => {
      for (;;) {
        const { entry } = await store.get('/counter')
        assert(entry)
        try {
          await store.update('/counter', bytes(String(Number(text(entry.value)) + 1)), entry.revision)
          return
        } catch (error) {
          if (!isStoreError(error, 'conflict')) throw error
        }
      }
    }
    const worker = async () => {
      for (let i = 0; i < 10; i++) await increment()
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    assert.equal(text((await store.get('/counter')).entry?.value), '160')
    const { events } = await watchUntil(store, { from, until: await store.current(), signal })
    assert.equal(events.length, 160)
  },

  'current is never older than a write acknowledged before the call': async (store) => {
    const writer = async (name: number) => {
      for (let i = 0; i < 20; i++) {
        const written = await store.create(`/${name}/${i}`, bytes('x'))
        assert((await store.current()) >= written)
        const read = await store.get(`/${name}/${i}`)
        assert(read.revision >= written && read.entry?.revision === written)
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, name) => writer(name)))
  },

  'a key with a ttl is deleted by an ordinary delete, never sooner': async (store, signal) => {
    const ttlMs = 80
    const startMs = performance.now()
    const created = await store.create('/short', bytes('x'), { ttlMs })
    const from = await store.create('/long', bytes('x'), { ttlMs: 60_000 })
    const events = await watchEvents(store, { from, count: 1, signal })
    assert(created < from)
    assert(performance.now() - startMs >= ttlMs, 'it was deleted too soon')
    assert.deepEqual([events[0]?.type, events[0]?.key, text(events[0]?.previous)], ['delete', '/short', 'x'])
    assert.deepEqual(await keysOf(store, ''), ['/long'])
  },

  'an update without a ttl ends the expiry, one with a ttl renews it': async (store, signal) => {
    const kept = await store.create('/kept', bytes('x'), { ttlMs: 30 })
    await store.update('/kept', bytes('y'), kept)
    const renewed = await store.create('/renewed', bytes('x'), { ttlMs: 30 })
    const startMs = performance.now()
    const last = await store.update('/renewed', bytes('y'), renewed, { ttlMs: 120 })
    const events = await watchEvents(store, { from: last, count: 1, signal })
    assert(performance.now() - startMs >= 120, 'the renewed key was deleted too soon')
    assert.equal(events[0]?.key, '/renewed')
    assert.deepEqual(await keysOf(store, ''), ['/kept'])
  },
}
