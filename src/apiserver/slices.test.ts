import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { configMap, openFixture } from './fixture.ts'
import { createSlices, sliceBytes } from './slices.ts'

/** Takes all parts, and says in `log` when. */
async function take(parts: AsyncGenerator<readonly string[]>, log: string[]): Promise<void> {
  for await (const part of parts) log.push(part.join(''))
}
const half = () => sliceBytes / 2
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

test('what is one slice comes at once, what is more a slice in each turn', async () => {
  const slices = createSlices()
  const log: string[] = []
  void take(slices.of([], half), log)
  void take(
    slices.of(['a', 'b'], () => 1),
    log,
  )
  await settled()
  assert.deepEqual(log, ['ab'])
  const rest = take(slices.of(['c', 'd', 'e', 'f', 'g'], half), log)
  await settled()
  assert.deepEqual(log, ['ab'])
  await rest
  assert.deepEqual(log, ['ab', 'cd', 'ef', 'g'])
})

test('those who have much take turns: one slice in each turn of the loop, whoever asks; little never waits', async () => {
  const slices = createSlices()
  const log: string[] = []
  const all = ['a', 'b', 'c'].map((letter) =>
    take(
      slices.of([`${letter}1`, `${letter}2`, `${letter}3`], () => sliceBytes),
      log,
    ),
  )
  const perTurn: number[] = []
  const done = Promise.all(all).then(() => true)
  for (let seen = 0; ;) {
    if (log.length > seen) perTurn.push(log.length - seen)
    seen = log.length
    if (await Promise.race([done, nextTurn(false)])) break
  }
  assert.deepEqual(log, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'])
  assert.ok(perTurn.every((count) => count === 1))
  const busy = take(
    slices.of(['x', 'y', 'z'], () => sliceBytes),
    log,
  )
  void take(slices.of(['small'], half), log)
  await settled()
  assert.equal(log.at(-1), 'small')
  await busy
})

const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
const queries: readonly (readonly [what: string, query: string, headers: Record<string, string>])[] = [
  ['selected by label', '?labelSelector=app%3Dweb', {}],
  ['as Table', '', table],
]
for (const [what, query, headers] of queries)
  test(`a list ${what} lets others run between its slices, and is one state all the same`, async (context) => {
    await using first = await openFixture()
    const path = '/api/v1/namespaces/default/configmaps'
    const [count, size] = [40, sliceBytes / 4]
    for (let i = 0; i < count; i++) {
      const made = configMap(`c${i}`, { a: 'x'.repeat(size) }, { labels: { app: 'web' } })
      await first.request('POST', path, made)
    }
    // Whose cache has not looked at any object.
    await using fixture = await openFixture({ store: first.store })
    const { body: before } = await fixture.request('GET', `${path}?limit=1`)
    const listing = fixture.request('GET', path + query, undefined, headers)
    const others: number[] = []
    let isListed = false
    void listing.then(() => (isListed = true))
    while (!isListed) {
      await nextTurn()
      if (others.length === 3) await fixture.request('DELETE', `${path}/c7`)
      others.push((await fixture.request('GET', `${path}/c9`)).status)
    }
    const { body } = await listing
    assert.equal((body.items ?? body.rows).length, count)
    assert.equal(body.metadata.resourceVersion, before.metadata.resourceVersion)
    assert.equal((await fixture.request('GET', `${path}/c7`)).status, 404)
    context.diagnostic(`${others.length} requests answered meanwhile`)
    assert.ok(others.length >= 8 && others.every((status) => status === 200))
  })
