import assert from 'node:assert/strict'

import { keyBytesMax, valueBytesMax, type Store } from '../store.ts'
import { bytes, text, thrown, type Properties } from './suite.ts'

export const bounds: Properties = {
  'the longest key and the largest value are stored': async (store) => {
    const key = 'k'.repeat(keyBytesMax)
    assert(store.capabilities.valueBytesMax <= valueBytesMax)
    const value = new Uint8Array(store.capabilities.valueBytesMax).fill(7)
    await store.create(key, value)
    await store.create('é'.repeat(keyBytesMax / 2), bytes('x'))
    const { entry } = await store.get(key)
    assert.equal(Buffer.compare(entry?.value ?? new Uint8Array(), value), 0)
  },

  'an empty value is stored': async (store) => {
    await store.create('/a', new Uint8Array())
    const { entry } = await store.get('/a')
    assert.deepEqual(entry?.value, new Uint8Array())
  },

  'values are any bytes': async (store) => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i)
    const inside = new Uint8Array([1, 2, ...value, 3]).subarray(2, 258)
    const created = await store.create('/a', inside)
    await store.update('/a', Buffer.from(value), created)
    assert.deepEqual((await store.get('/a')).entry?.value, value)
    assert.deepEqual((await store.get('/a', { at: created })).entry?.value, value)
  },

  ...invalidKeys(),

  'a value above the limit is invalid and changes nothing': async (store) => {
    const value = new Uint8Array(store.capabilities.valueBytesMax + 1)
    const created = await store.create('/a', bytes('x'))
    await thrown('invalid', () => store.create('/b', value))
    await thrown('invalid', () => store.update('/a', value, created))
    assert.equal(text((await store.get('/a')).entry?.value), 'x')
    assert.equal(await store.current(), created)
  },

  'a ttl that is no positive number is invalid': async (store) => {
    for (const ttlMs of [0, -1, NaN, Infinity]) {
      await thrown('invalid', () => store.create('/a', bytes('x'), { ttlMs }))
    }
  },
}

function invalidKeys(): Properties {
  const rows = [
    ['empty', ''],
    ['longer than the limit', 'k'.repeat(keyBytesMax + 1)],
    ['longer than the limit in UTF-8', 'é'.repeat(keyBytesMax / 2 + 1)],
    ['half a surrogate pair', '/\uD83D'],
  ] as const
  const property = (key: string) => async (store: Store) => {
    const start = await store.current()
    await thrown('invalid', () => store.create(key, bytes('x')))
    await thrown('invalid', () => store.update(key, bytes('x'), 1))
    await thrown('invalid', () => store.delete(key))
    await thrown('invalid', () => store.get(key))
    assert.equal(await store.current(), start)
  }
  return Object.fromEntries(rows.map(([name, key]) => [`a key that is ${name} is invalid`, property(key)]))
}
