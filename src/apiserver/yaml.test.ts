import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isBadRequest, isTooManyRequests, reasonOf } from '../api/status.ts'
import { realClock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { openFixture } from './fixture.ts'
import { parseYaml, yamlBytesMax } from './yaml-body.ts'
import { createYaml, writtenBytesMax } from './yaml.ts'

const bytes = (text: string) => Buffer.from(text)
/** Keeps the library busy for half a second. */
const costly = bytes(`[${'a,'.repeat(yamlBytesMax / 8)}a]`)
const large = (text: string) => `${text}\n# ${'x'.repeat(4_000)}\n`
const json = (value: unknown) => bytes(JSON.stringify(value))

test('a large text says what a small one says, also what is wrong with it', async () => {
  await using yaml = createYaml(realClock)
  const texts = [
    'a: &a [1, {b: ~}]\n"__proto__": *a',
    'text',
    'a: 1\nb:\n  c: 1\n  c: 2',
    'a: *nobody',
    '[',
    '--- a\n--- b',
  ]
  const said = (read: Promise<unknown>) => read.catch((error: unknown) => [reasonOf(error), String(error)])
  for (const text of texts)
    assert.deepEqual(await said(yaml.parse(bytes(large(text)))), await said(parseYaml(bytes(large(text)))))
})

test('others go on while a large text is read, and while a large answer is written', async (context) => {
  await using yaml = createYaml(realClock)
  const count = async (work: Promise<unknown>): Promise<number> => {
    let [turns, isOver] = [0, false]
    void work.then(() => (isOver = true))
    for (; !isOver; turns++) await nextTurn()
    return turns
  }
  const items = Array.from({ length: 2_000 }, (_, at) => ({ name: `n${at}`, labels: { app: 'web' } }))
  const turns = [await count(yaml.parse(costly)), await count(yaml.stringify(json(items)))]
  context.diagnostic(`${turns.join(' and ')} turns of the event loop meanwhile`)
  assert.ok(turns.every((many) => many > 20))
})

test('what is written is what the library writes', async () => {
  await using yaml = createYaml(realClock)
  const { stringify } = await import('yaml')
  const value = (length: number) => ({
    a: Array.from({ length }, (_, at) => ({ n: at, text: 'one\ntwo: 2\n' })),
  })
  for (const length of [1, 1_000])
    assert.equal(await yaml.stringify(json(value(length))), stringify(value(length)))
})

test('what is too large is refused: a text, what aliases make of one, an answer', async () => {
  await using yaml = createYaml(realClock)
  const aliases = `a: &a "${'x'.repeat(60_000)}"\nb: [${'*a,'.repeat(90)}]`
  for (const refused of [
    () => yaml.parse(bytes('x'.repeat(yamlBytesMax + 1))),
    () => yaml.parse(bytes(aliases)),
    () => yaml.stringify(Buffer.alloc(writtenBytesMax + 1, ' ')),
  ])
    await assert.rejects(refused, (error) => reasonOf(error) === 'RequestEntityTooLarge')
})

test('so many may wait, the next are turned away, and the others answered in order', async () => {
  await using yaml = createYaml(realClock)
  const order: number[] = []
  const ask = (at: number) => yaml.parse(bytes(large(`a: ${at}`))).then(() => order.push(at))
  const asked = Array.from({ length: 65 }, (_, at) => ask(at))
  await assert.rejects(ask(65), isTooManyRequests)
  await Promise.all(asked)
  assert.deepEqual(
    order,
    asked.map((_, at) => at),
  )
})

test('a text that takes too long is given up, and the next one read', async () => {
  const clock = fakeClock()
  await using yaml = createYaml(clock)
  const refused = assert.rejects(yaml.parse(costly), isBadRequest)
  const next = yaml.parse(bytes(large('a: 1')))
  await clock.advance(60_000)
  await refused
  assert.deepEqual(await next, { a: 1 })
})

test('one that takes too much memory ends nothing but itself', async () => {
  await using yaml = createYaml(realClock, 16)
  const many = json(Array.from({ length: 300_000 }, () => 1))
  await assert.rejects(yaml.stringify(many), isBadRequest)
  assert.equal(await yaml.stringify(json({ a: 1 })), 'a: 1\n')
})

test('a server takes and gives large objects and lists as YAML', async () => {
  await using fixture = await openFixture()
  const path = '/api/v1/namespaces/default/configmaps'
  const text =
    'metadata: {name: a}\ndata:\n' +
    Array.from({ length: 300 }, (_, at) => `  k${at}: "${at} of them"\n`).join('')
  const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' }
  const made = await fixture.request('POST', path, text, headers)
  assert.deepEqual([made.status, made.headers['content-type']], [201, 'application/yaml'])
  assert.match(made.text, /^kind: ConfigMap\napiVersion: v1\nmetadata:\n/)
  const listed = await fixture.request('GET', path, undefined, { accept: 'application/yaml' })
  assert.match(listed.text, /^items:\n {2}- kind: ConfigMap\n[^]* {6}k299: 299 of them\n$/m)
})
