import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAllowed, parseAllowedKeys, withoutAllowed } from './allowed-keys.ts'

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

test('lines that go leave the others as they were written', () => {
  const data = {
    keys: `# ours\n${one}\n\n  ${two}   node-b # the cellar\n`,
    more: `${two} node-c\n${one} # again`,
  }
  const off = withoutAllowed(data, ({ key, nodeName }) => key === one || nodeName === 'node-c')
  assert.deepEqual(off, {
    data: { keys: `# ours\n\n  ${two}   node-b # the cellar\n`, more: '' },
    removed: 3,
  })
  assert.deepEqual(
    withoutAllowed(data, () => false),
    { data, removed: 0 },
  )
})
