import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from './deferred.ts'
import { linesOf } from './lines.ts'
import { mergeArriving } from './merge-arriving.ts'
import { mergeSorted } from './merge-sorted.ts'

/** Notes when it is closed. */
async function* from<T>(items: readonly (T | Promise<T>)[], onEnd = () => {}): AsyncGenerator<T> {
  try {
    for (const item of items) yield await item
  } finally {
    onEnd()
  }
}

async function all<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const item of source) found.push(item)
  return found
}

const inOrder = (a: number, b: number) => a - b

test('sorted sequences merge in order, equal ones in the order of their sources', async () => {
  assert.deepEqual(
    await all(mergeSorted([from([1, 4, 6]), from<number>([]), from([2, 3, 7])], inOrder)),
    [1, 2, 3, 4, 6, 7],
  )
  const tagged = [from([{ n: 1, by: 'a' }]), from([{ n: 1, by: 'b' }])]
  const merged = await all(mergeSorted(tagged, (a, b) => a.n - b.n))
  assert.deepEqual(
    merged.map(({ by }) => by),
    ['a', 'b'],
  )
})

test('who stops reading closes every source', async () => {
  for (const merge of [
    (sources: AsyncGenerator<number>[]) => mergeSorted(sources, inOrder),
    (sources: AsyncGenerator<number>[]) => mergeArriving(sources),
  ]) {
    let closed = 0
    const sources = [from([1, 3], () => closed++), from([2, 4], () => closed++)]
    for await (const _first of merge(sources)) break
    await Promise.all(sources.map((source) => source.next())) // closing waits for what was asked for
    assert.equal(closed, 2)
  }
})

test('what arrives first comes first, and a silent source holds up nobody', async () => {
  const late = deferred<string>()
  const merged = mergeArriving([from([late.promise]), from(['a', 'b'])])
  assert.equal((await merged.next()).value, 'a')
  assert.equal((await merged.next()).value, 'b')
  late.resolve('late')
  assert.equal((await merged.next()).value, 'late')
  assert.equal((await merged.next()).done, true)
})

test('an error of one source is that of all', async () => {
  const broken = deferred<string>()
  broken.reject(new Error('broken'))
  await assert.rejects(all(mergeArriving([from([broken.promise]), from(['a'])])), /broken/)
})

test('lines are whole however they arrive, and not longer than allowed', async () => {
  const bytes = [...Buffer.from('grün\n\nlast')].map((byte) => Uint8Array.of(byte))
  assert.deepEqual(await all(linesOf(from(bytes), 10)), ['grün', '', 'last'])
  await assert.rejects(all(linesOf(from(bytes), 3)), /a line of more than 3 characters/)
})
