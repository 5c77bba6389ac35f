import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../base/ids.ts'
import { Balancer } from './balancer.ts'
import type { EndpointState, IdleConnection } from './endpoint-state.ts'
import { allTo } from './fixture.ts'

type State = EndpointState<IdleConnection>

function balancerTo(...ports: number[]) {
  const random = seededRandom(7)
  const balancer = new Balancer<IdleConnection>(4, () => Math.floor(random.float() * 0x7fffffff))
  balancer.update(allTo(...ports))
  const backend = balancer.backend('app')
  const [first, second, third] = backend.states
  const pick = (nowMs = 0, tried: readonly State[] = []) => balancer.pick(backend, { tried, nowMs })
  return { balancer, backend, first: first as State, second: second as State, third: third as State, pick }
}

const count = (picks: readonly unknown[], state: State) => picks.filter((picked) => picked === state).length

test('equal endpoints get equal shares, busy ones less', () => {
  const { first, second, third, pick } = balancerTo(1, 2, 3)
  const even = Array.from({ length: 3000 }, () => pick())
  for (const state of [first, second, third]) assert.ok(Math.abs(count(even, state) - 1000) < 200)
  first.active = 10
  const uneven = Array.from({ length: 3000 }, () => pick())
  assert.ok(count(uneven, first) < 500 && count(uneven, second) > 1000)
})

test('an endpoint that failed is put aside, each time twice as long, up to ten seconds', () => {
  const { first } = balancerTo(1)
  const waits = Array.from({ length: 8 }, () => {
    first.onFailure(1000)
    return first.asideUntilMs - 1000
  })
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000])
  first.onSuccess()
  first.onFailure(1000)
  assert.equal(first.asideUntilMs, 1500)
})

test('what is aside is not picked while another will do, and is when none will', () => {
  const { first, second, pick } = balancerTo(1, 2)
  first.onFailure(0)
  assert.ok(Array.from({ length: 50 }, () => pick(100)).every((state) => state === second))
  second.onFailure(50)
  assert.equal(pick(100), first)
  assert.ok(Array.from({ length: 50 }, () => pick(600)).includes(first))
})

test('one request at a time tries an endpoint that failed before', () => {
  const { first, second, pick } = balancerTo(1, 2)
  first.onFailure(0)
  first.beginTrial(3000)
  assert.ok(Array.from({ length: 50 }, () => pick(1000)).every((state) => state === second))
})

test('what this request has tried is not picked again; none is left then', () => {
  const { first, second, pick } = balancerTo(1, 2)
  assert.equal(pick(0, [first]), second)
  assert.equal(pick(0, [first, second]), 'none')
})

test('an endpoint with all its connections is passed over; full when each is', () => {
  const { first, second, pick } = balancerTo(1, 2)
  first.open = 4
  assert.ok(Array.from({ length: 50 }, () => pick()).every((state) => state === second))
  second.open = 4
  assert.equal(pick(), 'full')
})

test('an update keeps what is known of an endpoint that stays, and retires one that goes', () => {
  const { balancer, backend, first, second } = balancerTo(1, 2)
  second.onFailure(0)
  balancer.update(allTo(2, 3))
  assert.equal(first.isRetired, true)
  assert.equal(backend.states[0], second)
  assert.equal(backend.states.length, 2)
  balancer.update({ routes: [], backends: new Map() })
  assert.equal(backend.states.length, 0)
})
