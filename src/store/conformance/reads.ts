import assert from 'node:assert/strict'

import type { Entry, Store } from '../store.ts'
import { bytes, fill, keysOf, text, thrown, type Properties } from './suite.ts'

export const reads: Properties = {
  'a list holds the keys of its prefix and no others': async (store) => {
    await fill(store, ['/a', '/a/1', '/a/2', '/ab', '/b', '/a0'])
    assert.deepEqual(await keysOf(store, '/a/'), ['/a/1', '/a/2'])
    assert.deepEqual(await keysOf(store, '/a'), ['/a', '/a/1', '/a/2', '/a0', '/ab'])
    assert.deepEqual(await keysOf(store, '/c'), [])
  },

  'keys are ordered by their UTF-8 bytes': async (store) => {
    const keys = [
      '\u{1F600}',
      '\uFF5E',
      '\uE000',
      '\uD7FF',
      'é',
      'z',
      'a\u0000',
      'a',
      'A',
      '~',
      '\u{10FFFF}x',
    ]
    await fill(store, keys)
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(await keysOf(store, ''), sorted)
    assert.deepEqual(await pagedKeys(store, '', 2), sorted)
  },

  'a prefix may end in the last character of its kind': async (store) => {
    await fill(store, ['\uD7FF1', '\uE000', '\u{10FFFF}1', '\u{10FFFF}\u{10FFFF}2', 'a\u{10FFFF}', 'b'])
    assert.deepEqual(await keysOf(store, '\uD7FF'), ['\uD7FF1'])
    assert.deepEqual(await keysOf(store, '\u{10FFFF}'), ['\u{10FFFF}1', '\u{10FFFF}\u{10FFFF}2'])
    assert.deepEqual(await keysOf(store, 'a\u{10FFFF}'), ['a\u{10FFFF}'])
  },

  'a limit cuts the list and says how much is left': async (store) => {
    const revision = await fill(store, ['/p/1', '/p/2', '/p/3', '/p/4', '/p/5', '/q'])
    const first = await store.list({ prefix: '/p/' }, { limit: 2 })
    assert.deepEqual(
      first.entries.map(({ key }) => key),
      ['/p/1', '/p/2'],
    )
    assert.deepEqual([first.more, first.remaining, first.revision], [true, 3, revision])
    const last = await store.list({ prefix: '/p/', after: '/p/3' }, { limit: 2, at: first.revision })
    assert.deepEqual(
      last.entries.map(({ key }) => key),
      ['/p/4', '/p/5'],
    )
    assert.deepEqual([last.more, last.remaining, last.revision], [false, 0, revision])
  },

  'after is exclusive and need not exist': async (store) => {
    await fill(store, ['/p/1', '/p/3', '/q'])
    const after = async (key: string) => {
      const { entries } = await store.list({ prefix: '/p/', after: key })
      return entries.map((entry) => entry.key)
    }
    assert.deepEqual(await after('/p/1'), ['/p/3'])
    assert.deepEqual(await after('/p/2'), ['/p/3'])
    assert.deepEqual(await after('/a'), ['/p/1', '/p/3'])
    assert.deepEqual(await after('/z'), [])
  },

  'pages taken at one revision are one snapshot, whatever is written in between': async (store) => {
    const keys = Array.from({ length: 20 }, (_, i) => `/p/${String(i).padStart(2, '0')}`)
    await fill(store, keys)
    const entries: Entry[] = []
    let page = await store.list({ prefix: '/p/' }, { limit: 3 })
    const { revision } = page
    for (let i = 0; ; i++) {
      entries.push(...page.entries)
      assert.equal(page.revision, revision)
      assert.equal(page.remaining, keys.length - entries.length)
      if (!page.more) break
      await store.delete(keys[i] ?? '')
      await store.delete(keys.at(-1 - i) ?? '')
      await store.create(`/p/${i}-new`, bytes('new'))
      const after = entries.at(-1)?.key ?? ''
      page = await store.list({ prefix: '/p/', after }, { limit: 3, at: revision })
    }
    assert.deepEqual(
      entries.map(({ key }) => key),
      keys,
    )
    assert.deepEqual(
      entries.map(({ value }) => text(value)),
      keys,
    )
  },

  'a list without a limit is complete, also when it is large': async (store) => {
    const keys = Array.from({ length: 2_500 }, (_, i) => `/p/${String(i).padStart(5, '0')}`)
    const revisions = await Promise.all(keys.map((key) => store.create(key, bytes(key))))
    const page = await store.list({ prefix: '/p/' })
    assert.deepEqual(
      page.entries.map(({ key }) => key),
      keys,
    )
    assert.deepEqual([page.more, page.remaining, page.revision], [false, 0, Math.max(...revisions)])
    assert.equal((await store.list({ prefix: '/p/' }, { limit: 2_400 })).remaining, 100)
  },

  'a list of large values is a snapshot, though its keys are deleted and compacted meanwhile': async (
    store,
  ) => {
    const large = new Uint8Array(512 * 1024)
    for (let i = 0; i < 8; i++) await store.create(`/p/${i}`, large.fill(i))
    const list = store.list({ prefix: '/p/' })
    const writes = Array.from({ length: 8 }, (_, i) => store.delete(`/p/${i}`))
    const deleted = await Promise.all(writes)
    await store.compact(Math.max(...deleted.map(({ revision }) => revision)))
    const { entries, revision } = await list
    // The list and the deletions overlap: its revision tells which of them it has seen.
    const present = deleted.filter((each) => each.revision > revision).map(({ entry }) => entry.key)
    assert.deepEqual(
      entries.map(({ key }) => key),
      present,
    )
    for (const { key, value } of entries) {
      assert.equal(value.byteLength, large.byteLength)
      assert(value[0] === Number(key.at(-1)) && value.at(-1) === value[0])
    }
  },

  'a limit that is not a positive whole number is invalid': async (store) => {
    for (const limit of [0, -1, 1.5, NaN])
      await thrown('invalid', () => store.list({ prefix: '' }, { limit }))
  },
}

async function pagedKeys(store: Store, prefix: string, limit: number): Promise<string[]> {
  const keys: string[] = []
  let page = await store.list({ prefix }, { limit })
  for (;;) {
    keys.push(...page.entries.map(({ key }) => key))
    const after = keys.at(-1)
    if (!page.more || after === undefined) return keys
    page = await store.list({ prefix, after }, { limit, at: page.revision })
  }
}
