import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fakeClock } from '../base/fake-clock.ts'
import type { Client } from '../client/client.ts'
import { createObjectSource } from './object-source.ts'

/** An API with one ConfigMap, whose word changes with every answer. */
function scripted() {
  const clock = fakeClock()
  let answers = 0
  const get = () => Promise.resolve({ data: { answer: String(++answers) } })
  const client = { resource: () => ({ get }) } as unknown as Client
  return { clock, source: createObjectSource({ client, clock }) }
}

test('an object is asked for once in five seconds', async () => {
  const { clock, source } = scripted()
  const read = async () => (await source.configMap('ns', 'words'))?.data?.['answer']
  assert.equal(await read(), '1')
  await clock.advance(4_999)
  assert.equal(await read(), '1')
  await clock.advance(1)
  assert.equal(await read(), '2')
})

test('a pod is not given what was read before it came', async () => {
  const { clock, source } = scripted()
  await source.configMap('ns', 'words')
  await clock.advance(1)
  const pods = [source.fromNow(), source.fromNow()]
  for (const pod of pods) assert.deepEqual(await pod.configMap('ns', 'words'), { data: { answer: '2' } })
  await clock.advance(1)
  assert.deepEqual(
    await source.configMap('ns', 'words'),
    { data: { answer: '2' } },
    'the fresh one serves all',
  )
})

test('what was asked for once does not stay in memory', { timeout: 20_000 }, async (t) => {
  const { clock, source } = scripted()
  const read = async (name: string) => new WeakRef((await source.configMap('ns', name)) ?? {})
  const first = await read('first')
  await clock.advance(5_000)
  await read('second')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // Collected some turns of the event loop later, or never: then the test runs into its timeout.
  while (first.deref() !== undefined) {
    t.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
})
