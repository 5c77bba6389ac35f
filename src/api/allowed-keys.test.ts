import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAllowed, parseAllowedKeys } from './allowed-keys.ts'

const [one, two] = ['A', 'B'].map((letter) => `MCowBQYDK2VwAyEA${letter.repeat(43)}=`) as [string, string]

test('lines of keys, with names and comments, in any number of entries', () => {
  const data = { keys: `# ours\n${one}\n\n  ${two}   node-b # the cellar\n`, more: 'no key\nMCow node-c\n' }
  assert.deepEqual(parseAllowedKeys(data), [{ key: one }, { key: two, nodeName: 'node-b' }])
  assert.deepEqual(parseAllowedKeys(), [])
})

test('a key with a name is good for that name only', () => {
  const list = parseAllowedKeys({ keys: `${one}\n${two} node-b` })
  assert.ok(isAllowed(list, one, 'anything'))
  assert.ok(isAllowed(list, two))
  assert.ok(isAllowed(list, two, 'node-b'))
  assert.ok(!isAllowed(list, two, 'node-c'))
  assert.ok(!isAllowed(list, one.toLowerCase()))
})
