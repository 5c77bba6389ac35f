import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBadRequest, reasonOf } from '../api/status.ts'
import { parseYaml, yamlBytesMax } from './yaml-body.ts'

const parsed = (text: string) => parseYaml(Buffer.from(text))
const refused = async (text: string, why: RegExp) =>
  assert.rejects(parsed(text), (error: Error) => isBadRequest(error) && why.test(error.message), text)

test('a document is what it says, and its keys are texts', async () => {
  const text = 'a: [1, {b: ~}]\n1: x\n"__proto__": {y: true}\nc: &c [z]\nd: *c\n'
  assert.deepEqual(
    await parsed(text),
    JSON.parse('{"a":[1,{"b":null}],"1":"x","__proto__":{"y":true},"c":["z"],"d":["z"]}'),
  )
  assert.deepEqual([await parsed(''), await parsed('text')], [null, 'text'])
})

test('nothing but JSON comes out', async () => {
  assert.deepEqual(await parsed('a: .nan\nb: !!set {x}\n'), { a: null, b: {} })
  await refused('a: &a {b: *a}', /nests deeper/)
  await refused('['.repeat(300) + ']'.repeat(300), /nests deeper/)
})

test('what is wrong is told with its place', async () => {
  await refused('a: 1\nb: [', /^error converting YAML to JSON: .* at line 2, column \d+$/)
  await refused('a: 1\nb:\n  c: 1\n  c: 2\n', /Map keys must be unique: c at line 4, column 3$/)
  await refused('a: *nobody', /Unresolved alias/)
  await refused('? {a: 1}\n: 2\n', /all keys must be strings/)
  await refused('--- a\n--- b\n', /multiple documents/)
})

// Each of these took the library minutes or hours as it is by default, and the server with it.
const costly: Readonly<Record<string, string>> = {
  'maps in keys of maps': '{'.repeat(1_000) + '}'.repeat(1_000),
  'keys of keys': `${'? '.repeat(1_000)}a`,
  'many keys': Array.from({ length: 20_000 }, (_, i) => `k${i}: v`).join('\n'),
  'many mistakes': `[${','.repeat(20_000)}]`,
  'aliases that multiply': `a: &a [${'x,'.repeat(9)}]\n${Array.from('bcdefgh', (name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}]\n`).join('')}`,
}
for (const [name, text] of Object.entries(costly))
  test(`${name} cost what their length does`, async () => {
    const before = process.cpuUsage()
    await parsed(text).catch((error: unknown) => assert.ok(isBadRequest(error)))
    const { user } = process.cpuUsage(before)
    assert.ok(user < 20_000_000, `${user / 1_000} ms`)
  })

test('more than the limit is refused unread', async () => {
  const text = `# ${'x'.repeat(yamlBytesMax)}`
  await assert.rejects(parsed(text), (error) => reasonOf(error) === 'RequestEntityTooLarge')
})
