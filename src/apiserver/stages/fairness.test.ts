import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../../base/deferred.ts'
import { isTooManyRequests, reasonOf } from '../../api/status.ts'
import { requestInfoOf } from '../request-info.ts'
import { createFairness, flowOf } from './fairness.ts'

const limits = { runningMax: 4, runningPerFlowMax: 3, waitingPerFlowMax: 5, waitingMax: 8 }

/** Work that ends when told; `log` has who began, in order. */
function scene() {
  const fairness = createFairness(limits)
  const log: string[] = []
  const open = new Map<string, (() => void)[]>()
  const ask = (flow: string, signal?: AbortSignal) => {
    const work = async () => {
      log.push(flow)
      const done = deferred()
      open.set(flow, [...(open.get(flow) ?? []), () => done.resolve()])
      await done.promise
    }
    return fairness.run(flow, work, signal && { signal })
  }
  const finish = async (flow: string) => {
    open.get(flow)?.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { fairness, log, ask, finish }
}
const all = (count: number, make: () => Promise<void>) => Array.from({ length: count }, () => make())

test('one flow alone leaves room for those who come after it', async () => {
  const { fairness, log, ask } = scene()
  void all(6, () => ask('greedy'))
  assert.deepEqual([fairness.running, fairness.waiting], [3, 3])
  void ask('modest')
  assert.equal(log.at(-1), 'modest')
})

test('a free place goes to the waiting flow that runs least', async () => {
  const { fairness, log, ask, finish } = scene()
  void all(8, () => ask('greedy'))
  void all(2, () => ask('other'))
  void ask('third')
  assert.deepEqual(log, ['greedy', 'greedy', 'greedy', 'other'])
  await finish('greedy')
  assert.equal(log.at(-1), 'third')
  await finish('greedy')
  // All run one now: who has waited longest.
  assert.equal(log.at(-1), 'greedy')
  await finish('greedy')
  assert.equal(log.at(-1), 'other')
  assert.equal(fairness.running, 4)
})

test('a full queue turns away, with a second to wait; nothing of a flow stays behind', async () => {
  const { fairness, ask, finish } = scene()
  const running = all(8, () => ask('greedy'))
  const refused = ask('greedy')
  await assert.rejects(refused, (error) => isTooManyRequests(error) && reasonOf(error) === 'TooManyRequests')
  await refused.catch((error: { status: { details: object } }) =>
    assert.deepEqual(error.status.details, { retryAfterSeconds: 1 }),
  )
  for (const _ of running) await finish('greedy')
  await Promise.all(running)
  assert.deepEqual([fairness.running, fairness.waiting], [0, 0])
})

test('a client that goes away leaves the queue', async () => {
  const { fairness, log, ask, finish } = scene()
  void all(3, () => ask('a'))
  const gone = new AbortController()
  const waiting = ask('a', gone.signal)
  gone.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
  assert.equal(fairness.waiting, 0)
  await finish('a')
  assert.equal(log.length, 3)
})

test('work that fails frees its place', async () => {
  const fairness = createFairness(limits)
  await assert.rejects(
    fairness.run('a', () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(fairness.running, 0)
})

const rows: readonly (readonly [method: string, path: string, waits: boolean])[] = [
  ['GET', '/api/v1/pods', true],
  ['POST', '/api/v1/namespaces/a/pods', true],
  ['GET', '/apis', true],
  ['GET', '/api/v1/pods?watch=true', false],
  ['GET', '/api/v1/namespaces/a/pods/p/log', true],
  ['GET', '/api/v1/namespaces/a/pods/p/log?follow=true', false],
  ['POST', '/api/v1/namespaces/a/pods/p/exec', false],
  ['GET', '/readyz', false],
]
for (const [method, path, waits] of rows)
  test(`${method} ${path} ${waits ? 'waits for its turn' : 'is exempt'}`, () => {
    assert.equal(flowOf({ name: 'ana', groups: [] }, requestInfoOf(method, path)), waits ? 'ana' : undefined)
  })

test('measured: a turn costs microseconds', async (context) => {
  const fairness = createFairness()
  const count = 20_000
  const startMs = performance.now()
  for (let i = 0; i < count; i++) await fairness.run('ana', async () => {})
  const microseconds = ((performance.now() - startMs) * 1000) / count
  context.diagnostic(`${microseconds.toFixed(2)} µs for each request that needn't wait`)
  assert.ok(microseconds < 100)
})
