import assert from 'node:assert/strict'

import { bytes, fill, keysOf, text, thrown, watchUntil, type Properties } from './suite.ts'

export const history: Properties = {
  'a value is read as it was at each revision': async (store) => {
    const start = await store.current()
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    const other = await fill(store, ['/other'])
    const third = await store.update('/a', bytes('three'), second)
    const at = async (revision: number) => text((await store.get('/a', { at: revision })).entry?.value)
    assert.deepEqual(
      [await at(start), await at(first), await at(second), await at(other), await at(third)],
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
    const start = await store.current()
    const third = await fill(store, ['/p/1', '/p/2', '/p/3'])
    const revision = await fill(store, ['/p/4'])
    await store.delete('/p/2')
    await store.delete('/p/4')
    await store.update('/p/3', bytes('new'), third)
    await fill(store, ['/p/5', '/p/0'])
    const page = await store.list({ prefix: '/p/' }, { at: revision, limit: 1 })
    assert.deepEqual([page.entries[0]?.key, page.more, page.remaining], ['/p/1', true, 3])
    const { entries } = await store.list({ prefix: '/p/' }, { at: revision })
    assert.deepEqual(
      entries.map(({ value }) => text(value)),
      ['/p/1', '/p/2', '/p/3', '/p/4'],
    )
    assert.deepEqual(await keysOf(store, '/p/', start), [])
  },

  'a revision that has not happened is future, with the current one': async (store, signal) => {
    const current = await fill(store, ['/a'])
    const at = current + 1_000 // an engine may count what nobody wrote here, such as the beginning of a watch
    for (const action of [
      () => store.get('/a', { at }),
      () => store.list({ prefix: '' }, { at }),
      () => watchUntil(store, { from: at, until: at, signal }),
      () => store.compact(at),
    ]) {
      const { revision = 0 } = await thrown('future', action)
      assert(revision >= current && revision < at)
    }
  },

  'what is no revision is invalid': async (store) => {
    for (const at of [-1, 0.5, NaN, Infinity]) await thrown('invalid', () => store.get('/a', { at }))
  },

  'a compacted revision is refused with the oldest that is kept': async (store, signal) => {
    const start = await store.current()
    const second = await fill(store, ['/a', '/b'])
    const third = await fill(store, ['/c'])
    const until = await fill(store, ['/d'])
    await store.compact(third)
    assert.equal(await store.compacted(), third)
    for (const action of [
      () => store.get('/a', { at: second }),
      () => store.list({ prefix: '' }, { at: second }),
      () => watchUntil(store, { from: second, until, signal }),
      () => watchUntil(store, { from: start, until, signal }),
      () => watchUntil(store, { from: 0, until, signal }),
    ]) {
      assert.equal((await thrown('compacted', action)).revision, third)
    }
  },

  'compaction keeps the oldest revision, all later ones and the present': async (store, signal) => {
    const first = await store.create('/a', bytes('one'))
    const second = await store.update('/a', bytes('two'), first)
    await fill(store, ['/gone', '/stays'])
    await store.delete('/gone')
    const before = await store.current()
    const third = await store.update('/a', bytes('three'), second)
    const { revision: until } = await store.delete('/stays')
    await store.compact(before)
    assert.equal(text((await store.get('/a', { at: before })).entry?.value), 'two')
    assert.deepEqual(await keysOf(store, '', before), ['/a', '/stays'])
    assert.deepEqual(await keysOf(store, '', third), ['/a', '/stays'])
    assert.deepEqual(await keysOf(store, ''), ['/a'])
    const { events } = await watchUntil(store, { from: before, until, signal })
    assert.deepEqual(
      events.map(({ type, key, previous }) => [type, key, text(previous)]),
      [
        ['update', '/a', 'two'],
        ['delete', '/stays', '/stays'],
      ],
    )
  },

  'compacting again, or less, changes nothing': async (store) => {
    const first = await fill(store, ['/a'])
    const second = await fill(store, ['/b'])
    await fill(store, ['/c'])
    await store.compact(second)
    await store.compact(second)
    await store.compact(first)
    await store.compact(0)
    assert.equal(await store.compacted(), second)
    assert.deepEqual(await keysOf(store, ''), ['/a', '/b', '/c'])
  },

  'revisions go on after everything was deleted and compacted': async (store) => {
    await fill(store, ['/a', '/b'])
    await store.delete('/a')
    const { revision } = await store.delete('/b')
    await store.compact(revision)
    assert.equal(await store.current(), revision)
    assert.deepEqual(await keysOf(store, '', revision), [])
    assert((await store.create('/a', bytes('again'))) > revision)
  },

  'revisions can be left out of an empty store, and count as compacted': async (store, signal) => {
    await fill(store, ['/a', '/b'])
    await store.delete('/a')
    const to = (await store.current()) + 300
    await thrown('invalid', () => store.skipTo(to)) // it holds something
    await store.delete('/b')
    await store.compact(await store.current())
    await store.skipTo(to)
    const skipped = await store.current()
    assert(skipped >= to)
    assert.equal(await store.compacted(), skipped)
    await store.skipTo(to - 100) // has been reached: nothing changes
    assert.equal(await store.current(), skipped)
    await thrown('compacted', () => store.get('/a', { at: to - 1 }))
    await thrown('compacted', () => watchUntil(store, { from: to - 1, until: to, signal }))
    const created = await store.create('/c', bytes('x'))
    assert(created > skipped)
    const { events } = await watchUntil(store, { from: skipped, until: created, signal })
    assert.deepEqual(
      events.map(({ key, revision }) => [key, revision]),
      [['/c', created]],
    )
    await store.delete('/c')
    await store.compact(await store.current())
    assert.deepEqual(await keysOf(store, ''), [])
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
