import { test } from 'node:test'

import { fc } from '../base/fast-check.ts'

import { compareKeys, prefixEnd } from './keys.ts'

const key = fc.string({ unit: 'binary', maxLength: 6 })

test('keys compare as their UTF-8 bytes do', () => {
  const bytesOrder = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
  fc.assert(fc.property(key, key, (a, b) => Math.sign(compareKeys(a, b)) === bytesOrder(a, b)))
})

test('the end of a prefix is above each key that has it, and below any key above those', () => {
  fc.assert(
    fc.property(key, key, (prefix, other) => {
      const end = prefixEnd(prefix)
      const isBelow = end === undefined || compareKeys(other, end) < 0
      return other.startsWith(prefix) === (isBelow && compareKeys(other, prefix) >= 0)
    }),
  )
})
