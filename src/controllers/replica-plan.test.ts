import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { nowMs, pod, replicaSet, type PodFacts } from './fixture.ts'
import { burstMax, planReplicas, victims } from './replica-plan.ts'

/** Two pods that differ in one thing; `first` goes. */
const rows: readonly { readonly name: string; readonly first: PodFacts; readonly second: PodFacts }[] = [
  { name: 'unassigned before assigned', first: { readyFor: 900 }, second: { node: 'n' } },
  {
    name: 'pending before unknown',
    first: { node: 'n', phase: 'Pending', readyFor: 1 },
    second: { node: 'n', phase: 'Unknown' },
  },
  {
    name: 'unknown before running',
    first: { node: 'n', phase: 'Unknown', readyFor: 1 },
    second: { node: 'n' },
  },
  { name: 'not ready before ready', first: { node: 'n', cost: 100 }, second: { node: 'n', readyFor: 1 } },
  {
    name: 'cheap before dear',
    first: { node: 'n', readyFor: 900, cost: -1 },
    second: { node: 'n', readyFor: 1 },
  },
  {
    name: 'ready for a short time before ready for long',
    first: { node: 'n', readyFor: 10, restarts: 0 },
    second: { node: 'n', readyFor: 1_000, restarts: 9 },
  },
  {
    name: 'often restarted before calm',
    first: { node: 'n', readyFor: 10, restarts: 3, age: 1_000 },
    second: { node: 'n', readyFor: 10, age: 10 },
  },
  {
    name: 'young before old',
    first: { node: 'n', readyFor: 10, age: 20 },
    second: { node: 'n', readyFor: 10, age: 1_000 },
  },
]
for (const { name, first, second } of rows) {
  test(`given up first: ${name}`, () => {
    for (const order of [
      [pod('a', first), pod('b', second)],
      [pod('b', second), pod('a', first)],
    ])
      assert.deepEqual(
        victims(order, { nowMs }).map(({ metadata }) => metadata.name),
        ['a', 'b'],
      )
  })
}

test('given up first: the one whose node has more siblings, of other sets too', () => {
  const [here, there, sibling] = [
    pod('a', { node: 'x', readyFor: 5 }),
    pod('b', { node: 'y', readyFor: 5 }),
    pod('c', { node: 'y' }),
  ]
  const related = [here, there, sibling]
  assert.equal(victims([here, there], { nowMs, related })[0]?.metadata.name, 'b')
})

test('too few: as many as are missing are made; what is finished or going does not count', () => {
  const owned = [
    pod('a'),
    pod('b', { phase: 'Failed' }),
    pod('c', { phase: 'Succeeded' }),
    pod('d', { terminating: true }),
  ]
  assert.deepEqual(planReplicas(replicaSet('s', { replicas: 4 }), owned, { nowMs }), {
    create: 3,
    remove: [],
  })
})

test('enough: nothing', () => {
  assert.deepEqual(planReplicas(replicaSet('s', { replicas: 1 }), [pod('a')], { nowMs }), {
    create: 0,
    remove: [],
  })
})

test('one reconcile is bounded', () => {
  assert.equal(planReplicas(replicaSet('s', { replicas: 10_000 }), [], { nowMs }).create, burstMax)
  const many = Array.from({ length: burstMax + 100 }, (_, i) => pod(`p${i}`))
  assert.equal(planReplicas(replicaSet('s', { replicas: 0 }), many, { nowMs }).remove.length, burstMax)
})

test('the order is total: it does not depend on how the pods come', () => {
  const facts = fc.record({
    phase: fc.constantFrom('Pending', 'Running', 'Unknown'),
    readyFor: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }),
    age: fc.integer({ min: 0, max: 10_000 }),
    restarts: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 12 }), fc.integer(), (list, turn) => {
      const pods = list.map(({ readyFor, ...rest }, i) =>
        pod(`p${i}`, { ...rest, ...(readyFor !== undefined && { readyFor }) }),
      )
      const cut = pods.length === 0 ? 0 : Math.abs(turn) % pods.length
      const turned = [...pods.slice(cut), ...pods.slice(0, cut)]
      assert.deepEqual(victims(turned, { nowMs }), victims(pods, { nowMs }))
    }),
  )
})
