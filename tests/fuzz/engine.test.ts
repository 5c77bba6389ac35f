/** The fuzzer, tried on faults that are there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/ids.ts'
import { fuzz, type FuzzOutcome } from './engine.ts'
import { pure, textOf, type FuzzTarget } from './target.ts'

const fuzzed = (
  run: (text: string) => string,
  more: Partial<FuzzTarget> = {},
  executionsMax = 200_000,
): Promise<FuzzOutcome> => {
  const open = pure((input) => run(textOf(input)))
  const target: FuzzTarget = { name: 'planted', format: 'text', dictionary: [], bytesMax: 64, open, ...more }
  const seeds = [Buffer.from('{"a":[1,2]}')]
  return fuzz({
    target,
    seeds,
    random: seededRandom(7),
    executionsMax,
    deadlineMs: Infinity,
    isGuided: false,
    begin: () => {},
  })
}

test('a fault behind three conditions is found step by step', async () => {
  const { executions, failure } = await fuzzed((text) => {
    if (!text.includes('x')) return 'none'
    if (!text.includes('xy')) return 'x'
    if (!text.includes('xyz')) return 'xy'
    throw new Error('planted')
  })
  assert.match(failure?.why ?? '', /planted/)
  assert.match(textOf(failure?.input ?? new Uint8Array(0)), /xyz/)
  assert.ok(executions < 200_000)
})

test('a word of the dictionary gets where chance would not', async () => {
  const run = (text: string) => {
    if (text.includes('$setElementOrder')) throw new Error('planted')
    return ''
  }
  assert.equal((await fuzzed(run, {}, 10_000)).failure, undefined)
  assert.ok((await fuzzed(run, { dictionary: ['$setElementOrder'] }, 10_000)).failure)
})

test('most inputs of a target that takes JSON are JSON, and some are not', async () => {
  const count = { parsed: 0, broken: 0 }
  await fuzzed(
    (text) => {
      try {
        JSON.parse(text)
        count.parsed++
      } catch {
        count.broken++
      }
      return ''
    },
    { format: 'json' },
    10_000,
  )
  assert.ok(count.parsed > 5_000 && count.broken > 300, JSON.stringify(count))
})

test('an input that takes long is a failure, if it does so again', async () => {
  let slow = 0
  const busy = (ms: number) => {
    for (const endMs = performance.now() + ms; performance.now() < endMs;);
    return ''
  }
  assert.equal((await fuzzed(() => busy(slow++ === 5 ? 1_200 : 0), {}, 100)).failure, undefined)
  const { failure } = await fuzzed((text) => busy(text.length > 20 ? 1_200 : 0), {}, 1_000)
  assert.match(failure?.why ?? '', /took \d+ ms, twice/)
})
