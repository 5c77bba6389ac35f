/** One of each. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'

test('passes', (t) => t.diagnostic('and says so'))
test('fails', () => assert.equal(1, 2))
test('is skipped', { skip: 'for a reason' }, () => {})
describe('a suite', () => {
  test('passes, too', () => {})
  after(() => {
    throw new Error('the hook fails')
  })
})
