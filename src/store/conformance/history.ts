import assert from 'node:assert/strict'

import { bytes, fill, keysOf, text, thrown, watchUntil, type Properties } from './suite.ts'

export const history: Properties = {
  'a value is read as it was at each revision': async (store) => {
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    await fill(store, ['/other'])
    const third = await store.update('/a', bytes('three'), second)
    const at = async (revision: number) => text((await store.get('/a', { at: revision })).entry?.value)
    assert.deepEqual(
      [await at(0), await at(first), await at(second), await at(second + 1), await at(third)],
      [undefined, 'one', 'two', 'two', 'three'],
    )
    assert.equal((await store.get('/a', { at: second })).revision, second)
  },

  'a deleted key is visible at its old revision': async (store) => {
    const created = await store.create('/a', bytes('one'))
    const { revision: deleted } = await store.delete('/a')
    const again = await store.create('/a', bytes('two'))
    assert.equal(text((await store.get('/a', { at: created })).entry?.value), 'one')
    assert.equal((await store.get('/a', { at: deleted })).entry, undefined)
    assert.deepEqual(await keysOf(store, '/a', created), ['/a'])
    assert.deepEqual(await keysOf(store, '/a', deleted), [])
    assert.deepEqual(await keysOf(store, '/a', again), ['/a'])
  },

  'a list at an old revision counts what was there then': async (store) => {
    const revision = await fill(store, ['/p/1', '/p/2', '/p/3', '/p/4'])
    await store.delete('/p/2')
    await store.delete('/p/4')
    await store.update('/p/3', bytes('new'), 3)
    await fill(store, ['/p/5', '/p/0'])
    const page = await store.list({ prefix: '/p/' }, { at: revision, limit: 1 })
    assert.deepEqual([page.entries[0]?.key, page.more, page.remaining], ['/p/1', true, 3])
    const { entries } = await store.list({ prefix: '/p/' }, { at: revision })
    assert.deepEqual(
      entries.map(({ value }) => text(value)),
      ['/p/1', '/p/2', '/p/3', '/p/4'],
    )
    assert.deepEqual(await keysOf(store, '/p/', 0), [])
  },

  'a revision that has not happened is future, with the current one': async (store, signal) => {
    const current = await fill(store, ['/a'])
    const at = current + 1
    for (const action of [
      () => store.get('/a', { at }),
      () => store.list({ prefix: '' }, { at }),
      () => watchUntil(store, { from: at, until: at, signal }),
      () => store.compact(at),
    ]) {
      assert.equal((await thrown('future', action)).revision, current)
    }
  },

  'what is no revision is invalid': async (store) => {
    for (const at of [-1, 0.5, NaN, Infinity]) await thrown('invalid', () => store.get('/a', { at }))
  },

  'a compacted revision is refused with the oldest that is kept': async (store, signal) => {
    await fill(store, ['/a', '/b', '/c', '/d'])
    await store.compact(3)
    assert.equal(await store.compacted(), 3)
    for (const action of [
      () => store.get('/a', { at: 2 }),
      () => store.list({ prefix: '' }, { at: 2 }),
      () => watchUntil(store, { from: 2, until: 4, signal }),
      () => watchUntil(store, { from: 0, until: 4, signal }),
    ]) {
      assert.equal((await thrown('compacted', action)).revision, 3)
    }
  },

  'compaction keeps the oldest revision, all later ones and the present': async (store, signal) => {
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    await fill(store, ['/gone', '/stays'])
    await store.delete('/gone')
    const before = await store.current()
    const third = await store.update('/a', bytes('three'), second)
    await store.delete('/stays')
    await store.compact(before)
    assert.equal(text((await store.get('/a', { at: before })).entry?.value), 'two')
    assert.deepEqual(await keysOf(store, '', before), ['/a', '/stays'])
    assert.deepEqual(await keysOf(store, '', third), ['/a', '/stays'])
    assert.deepEqual(await keysOf(store, ''), ['/a'])
    const { events } = await watchUntil(store, { from: before, until: before + 2, signal })
    assert.deepEqual(
      events.map(({ type, key, previous }) => [type, key, text(previous)]),
      [
        ['update', '/a', 'two'],
        ['delete', '/stays', '/stays'],
      ],
    )
  },

  'compacting again, or less, changes nothing': async (store) => {
    await fill(store, ['/a', '/b', '/c'])
    await store.compact(2)
    await store.compact(2)
    await store.compact(1)
    await store.compact(0)
    assert.equal(await store.compacted(), 2)
    assert.deepEqual(await keysOf(store, ''), ['/a', '/b', '/c'])
  },

  'revisions go on after everything was deleted and compacted': async (store) => {
    await fill(store, ['/a', '/b'])
    await store.delete('/a')
    const { revision } = await store.delete('/b')
    await store.compact(revision)
    assert.equal(await store.current(), revision)
    assert.deepEqual(await keysOf(store, '', revision), [])
    assert.equal(await store.create('/a', bytes('again')), revision + 1)
  },

  'writes and reads go on while a long history is compacted': async (store) => {
    const created = await store.create('/hot', bytes('0'))
    let revision = created
    for (let i = 0; i < 1_500; i++) revision = await store.update('/hot', bytes(String(i)), revision)
    const compacted = store.compact(revision)
    const meanwhile = await Promise.all(
      Array.from({ length: 100 }, (_, i) => store.create(`/new/${i}`, bytes('x'))),
    )
    await compacted
    assert.equal(text((await store.get('/hot')).entry?.value), '1499')
    assert.equal((await keysOf(store, '/new/')).length, meanwhile.length)
  },
}
