import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortReason } from '../base/clock.ts'
import { fakeClock, type FakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Lease } from '../api/schema/types.gen.ts'
import { alreadyExists, conflict, notFound } from '../api/status.ts'
import { TransportError, type NamedQuery, type ResourceClient } from './client.ts'
import { leaderTiming, runElected } from './leader-election.ts'
import { scriptedClient } from './fixture.ts'

const resource = { group: 'coordination.k8s.io', resource: 'leases' }

/** One lease with compare and swap, as the server keeps it. */
function leaseServer() {
  let lease: Lease | undefined
  let revision = 0
  const put = (next: Lease) => {
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(++revision) } }
    return lease
  }
  return {
    get lease() {
      return lease
    },
    get: () => {
      if (!lease) throw notFound(resource, 'loops')
      return lease
    },
    create: (next: Lease) => {
      if (lease) throw alreadyExists(resource, 'loops')
      return put(next)
    },
    update: (next: Lease) => {
      if (next.metadata.resourceVersion !== lease?.metadata.resourceVersion) throw conflict(resource, 'loops')
      return put(next)
    },
  }
}

interface Network {
  /** How long the answer to a write takes to come back, after the server has acted. */
  answerMs: number
  /** `refused`: requests fail at once; `cut`: they get no answer, and the server doesn't hear of them. */
  state: 'open' | 'refused' | 'cut'
}

interface Term {
  readonly identity: string
  readonly fromMs: number
  toMs: number
}

function openCandidates(clock: FakeClock) {
  const server = leaseServer()
  const terms: Term[] = []
  const join = (identity: string, lead?: (signal: AbortSignal) => Promise<void>) => {
    const network: Network = { answerMs: 1, state: 'open' }
    const stop = new AbortController()
    const via =
      <A>(call: (argument: A) => Lease, isWrite: boolean) =>
      async (argument: A, query: NamedQuery = {}): Promise<KubeObject> => {
        if (network.state === 'cut') await clock.sleep(3_600_000, query.signal)
        if (network.state !== 'open') throw new TransportError('no answer')
        const answer = call(argument)
        await clock.sleep(isWrite ? network.answerMs : 1, query.signal)
        return answer
      }
    const calls = {
      get: via<string>(server.get, false),
      create: via<Lease>(server.create, true),
      update: via<Lease>(server.update, true),
    }
    const client = scriptedClient([], calls as unknown as Partial<ResourceClient<KubeObject>>)
    const serve = async (signal: AbortSignal) => {
      const term: Term = { identity, fromMs: clock.monotonicMs(), toMs: Infinity }
      terms.push(term)
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      term.toMs = clock.monotonicMs()
    }
    const options = {
      client,
      name: 'loops',
      identity,
      clock,
      random: seededRandom(identity.length),
      logger: silentLogger,
    }
    const running = runElected(options, lead ?? serve, stop.signal)
    return { network, running, stop: () => stop.abort(new Error('the end')) }
  }
  const leaders = () => terms.filter(({ toMs }) => toMs === Infinity).map(({ identity }) => identity)
  return { server, terms, join, leaders }
}

function assertNeverTwo(terms: readonly Term[]): void {
  const inOrder = terms.toSorted((a, b) => a.fromMs - b.fromMs)
  for (const [i, term] of inOrder.entries()) {
    const next = inOrder[i + 1]
    if (next)
      assert.ok(
        term.toMs <= next.fromMs,
        `${term.identity} until ${term.toMs}, ${next.identity} from ${next.fromMs}`,
      )
  }
}

test('one of many leads, and goes on leading', async () => {
  const clock = fakeClock()
  const { join, leaders, server, terms } = openCandidates(clock)
  const candidates = ['a', 'bb', 'ccc'].map((identity) => join(identity))
  await clock.advance(120_000)
  assert.equal(leaders().length, 1)
  assert.equal(terms.length, 1)
  assert.equal(server.lease?.spec.leaseTransitions, 0)
  for (const { stop } of candidates) stop()
  await clock.advance(1_000)
  await Promise.all(candidates.map(({ running }) => running))
})

test('a leader that ends gives the lease back: the next need not wait for it to run out', async () => {
  const clock = fakeClock()
  const { join, leaders, terms } = openCandidates(clock)
  const first = join('a')
  await clock.advance(100)
  const second = join('bb')
  await clock.advance(10_000)
  first.stop()
  await clock.advance(3_000)
  await first.running
  assert.deepEqual(leaders(), ['bb'])
  assertNeverTwo(terms)
  second.stop()
  await clock.advance(1_000)
  await second.running
})

test('a leader that is cut off stops before another starts', async () => {
  const clock = fakeClock()
  const { join, leaders, terms, server } = openCandidates(clock)
  const first = join('a')
  await clock.advance(100)
  const second = join('bb')
  await clock.advance(7_300)
  first.network.state = 'cut'
  await clock.advance(30_000)
  assert.deepEqual(leaders(), ['bb'])
  assertNeverTwo(terms)
  assert.equal(server.lease?.spec.leaseTransitions, 1)
  first.network.state = 'open'
  await clock.advance(30_000)
  assert.deepEqual(leaders(), ['bb'], 'the first is back, and waits')
  for (const { stop } of [first, second]) stop()
  await clock.advance(20_000)
  await Promise.all([first.running, second.running])
})

test('answers that come late don’t lengthen a term: it counts from when the renewal was sent', async () => {
  for (const answerMs of [3_000, 6_000, 7_500, 7_900, 9_900, 12_000]) {
    for (let cutMs = 18_000; cutMs < 30_000; cutMs += 900) {
      const clock = fakeClock()
      const { join, terms } = openCandidates(clock)
      const first = join('a')
      await clock.advance(4_100)
      const others = ['bb', 'ccc', 'dddd'].map((identity) => join(identity))
      first.network.answerMs = answerMs
      await clock.advance(cutMs)
      first.network.state = 'cut'
      await clock.advance(40_000)
      assert.notEqual(terms.at(-1)?.identity, 'a')
      assertNeverTwo(terms)
      for (const { stop } of [first, ...others]) stop()
      await clock.advance(20_000)
      await Promise.all([first, ...others].map(({ running }) => running))
    }
  }
})

test('a request that hangs at the very end of a term doesn’t lengthen it', async () => {
  const clock = fakeClock()
  const { join, terms } = openCandidates(clock)
  const first = join('a')
  await clock.advance(100)
  const second = join('bb')
  await clock.advance(6_000)
  first.network.state = 'refused'
  await clock.advance(9_000)
  first.network.state = 'cut'
  await clock.advance(30_000)
  assert.equal(terms.at(-1)?.identity, 'bb')
  assertNeverTwo(terms)
  for (const { stop } of [first, second]) stop()
  await clock.advance(20_000)
  await Promise.all([first.running, second.running])
})

test('whatever happens to the network, there are never two leaders', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const clock = fakeClock()
    const random = seededRandom(seed)
    const { join, terms } = openCandidates(clock)
    const candidates = ['a', 'bb', 'ccc'].map((identity) => join(identity))
    for (let i = 0; i < 30; i++) {
      for (const { network } of candidates) {
        const chance = random.float()
        network.state = chance < 0.6 ? 'open' : chance < 0.8 ? 'cut' : 'refused'
        network.answerMs = random.float() < 0.5 ? 1 : random.float() * 14_000
      }
      await clock.advance(random.float() * 15_000)
    }
    for (const { network, stop } of candidates) {
      network.state = 'open'
      network.answerMs = 1
      stop()
    }
    await clock.advance(60_000)
    await Promise.all(candidates.map(({ running }) => running))
    assertNeverTwo(terms)
    assert.ok(terms.length > 1, `seed ${seed}: somebody led`)
  }
})

test('a candidate does not read the other’s clock: a lease from the future runs out all the same', async () => {
  const clock = fakeClock()
  const { join, leaders, server } = openCandidates(clock)
  server.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'loops', namespace: 'kube-system' },
    spec: {
      holderIdentity: 'dead',
      leaseDurationSeconds: leaderTiming.leaseMs / 1_000,
      renewTime: '2999-01-01T00:00:00.000000Z',
    },
  })
  const { running, stop } = join('a')
  await clock.advance(leaderTiming.leaseMs - 1_000)
  assert.deepEqual(leaders(), [])
  await clock.advance(5_000)
  assert.deepEqual(leaders(), ['a'])
  stop()
  await clock.advance(1_000)
  await running
})

test('when leading fails, the lease is given back and the failure is the caller’s', async () => {
  const clock = fakeClock()
  const { join, server } = openCandidates(clock)
  const { running } = join('a', async () => {
    throw new Error('a bug')
  })
  const failed = assert.rejects(running, /a bug/)
  await clock.advance(5_000)
  await failed
  assert.equal(server.lease?.spec.holderIdentity, '')
})

test('work in hand is waited for before the lease is given back', async () => {
  const clock = fakeClock()
  const { join, server } = openCandidates(clock)
  const { running, stop } = join('a', async (signal) => {
    await clock.sleep(3_600_000, signal).catch(() => {}) // aborted: then it takes a while to end
    assert.equal(abortReason(signal).message, 'the end')
    await clock.sleep(2_000)
    assert.equal(server.lease?.spec.holderIdentity, 'a')
  })
  await clock.advance(1_000)
  stop()
  await clock.advance(5_000)
  await running
  assert.equal(server.lease?.spec.holderIdentity, '')
})
