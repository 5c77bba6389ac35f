/** Three members, one or the other of them killed, frozen or gone: nothing acknowledged is lost, no watch has a gap. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { realClock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { bytes } from '../../../src/store/conformance/suite.ts'
import { openStore } from '../../../src/store/open.ts'
import { isStoreError, type Revision, type Store, type StoreEvent } from '../../../src/store/store.ts'
import { startEtcdCluster, type EtcdCluster } from '../../support/etcd.ts'
import { isMissing } from '../../support/needs.ts'

const purpose = 'the store on three members of etcd'
const context = { clock: realClock, logger: silentLogger }
const openOn = (etcd: EtcdCluster, path = '/faults') => openStore(`etcd://${etcd.endpoints}${path}`, context)
const writers = 8

/** Writes, and a watch beside them, until told to end; what was acknowledged and what the watch has seen. */
function startTraffic(store: Store, watching: Store, from: Revision) {
  const acknowledged = new Map<string, Revision>()
  const seen: StoreEvent[] = []
  const ended = new AbortController()
  let isStopping = false
  let unknown = 0
  const writer = async (name: number) => {
    for (let i = 0; !isStopping; i++) {
      const key = `/w${name}/${i}`
      try {
        acknowledged.set(key, await store.create(key, bytes(key)))
      } catch (error) {
        assert(isStoreError(error, 'unavailable'), String(error))
        unknown++
      }
    }
  }
  const watcher = async () => {
    for await (const { events } of watching.watch({ prefix: '' }, from, ended.signal)) {
      for (const event of events) {
        assert(event.revision > (seen.at(-1)?.revision ?? from), 'each event once, in order')
        seen.push(event)
      }
      if (seen.at(-1)?.key === '/end') return
    }
  }
  const running = Promise.all(Array.from({ length: writers }, (_, name) => writer(name)))
  const watched = watcher()
  return {
    acknowledged,
    seen,
    /** Resolves once `more` writes were acknowledged from now on. */
    async progress(more: number): Promise<void> {
      const goal = acknowledged.size + more
      const deadline = performance.now() + 60_000
      while (acknowledged.size < goal) {
        assert(performance.now() < deadline, `no progress: ${acknowledged.size} of ${goal} writes`)
        await realClock.sleep(20)
      }
    },
    async stop(): Promise<number> {
      isStopping = true
      await running
      await store.create('/end', bytes('x'))
      await watched
      ended.abort()
      return unknown
    },
  }
}

type Traffic = ReturnType<typeof startTraffic>

/** The store, its history and the watch tell the same. */
async function check(store: Store, { acknowledged, seen }: Traffic): Promise<void> {
  const { entries } = await store.list({ prefix: '/w' })
  const kept = new Map(entries.map(({ key, revision }) => [key, revision]))
  for (const [key, revision] of acknowledged) assert.equal(kept.get(key), revision, `${key} was acknowledged`)
  const told = seen.filter(({ key }) => key !== '/end').map(({ key, revision }) => `${key} ${revision}`)
  const expected = entries
    .toSorted((a, b) => a.revision - b.revision)
    .map((one) => `${one.key} ${one.revision}`)
  assert.deepEqual(told, expected)
}

test('members are killed, the leader among them, while clients write and watch', async (t) => {
  if (isMissing(t, 'etcd', purpose) || isMissing(t, 'etcdctl', purpose)) return
  await using etcd = await startEtcdCluster({ members: 3 })
  await using store = await openOn(etcd)
  await using other = await openOn(etcd)
  const traffic = startTraffic(store, other, await store.current())
  await traffic.progress(100)
  const rounds = [
    () => etcd.leader(),
    async () => etcd.members[0],
    async () => etcd.members[1],
    () => etcd.leader(),
  ]
  for (const pick of rounds) {
    const member = await pick()
    assert(member)
    await member.signal('SIGKILL')
    await traffic.progress(50)
    member.start()
    await traffic.progress(50)
  }
  const unknown = await traffic.stop()
  t.diagnostic(`${traffic.acknowledged.size} writes acknowledged, ${unknown} with an open outcome`)
  await check(store, traffic)
})

test('a frozen member is left for another', async (t) => {
  if (isMissing(t, 'etcd', purpose)) return
  await using etcd = await startEtcdCluster({ members: 3 })
  // Each store begins at an endpoint of its own: between them they use every member.
  const stores = await Promise.all(Array.from({ length: 4 }, () => openOn(etcd)))
  const [store, other] = stores
  assert(store && other)
  const traffic = startTraffic(store, other, await store.current())
  await traffic.progress(50)
  for (const member of etcd.members) {
    await member.signal('SIGSTOP')
    const startMs = performance.now()
    // A write that was on its way may be open; what is asked now is answered by who is there.
    for (const each of stores) await each.current()
    await traffic.progress(20)
    t.diagnostic(`went on ${Math.round(performance.now() - startMs)} ms after ${member.name} was frozen`)
    await member.signal('SIGCONT')
    await traffic.progress(20)
  }
  await traffic.stop()
  await check(other, traffic)
  for (const each of stores) await each[Symbol.asyncDispose]()
})

test('without a majority everything is unavailable, and serves again after it is back', async (t) => {
  if (isMissing(t, 'etcd', purpose)) return
  await using etcd = await startEtcdCluster({ members: 3 })
  await using store = await openOn(etcd)
  const revision = await store.create('/a', bytes('x'))
  const ended = new AbortController()
  const seen: string[] = []
  const watching = (async () => {
    for await (const { events } of store.watch({ prefix: '' }, revision, ended.signal)) {
      seen.push(...events.map(({ key }) => key))
      if (seen.length > 0) return
    }
  })()
  for await (const _ of store.watch({ prefix: '' }, revision, ended.signal)) break // the store's own watch has begun
  const [, second, third] = etcd.members
  assert(second && third)
  await Promise.all([second.signal('SIGKILL'), third.signal('SIGKILL')])
  const startMs = performance.now()
  for (const action of [() => store.get('/a'), () => store.create('/b', bytes('x')), () => store.current()]) {
    await assert.rejects(action, (error) => isStoreError(error, 'unavailable'))
  }
  assert(performance.now() - startMs < 45_000, 'a call ends by itself within some seconds')
  second.start()
  third.start()
  const deadline = performance.now() + 60_000
  for (;;) {
    // The write that was refused may have happened all the same, once the majority was back.
    const created = await store.create('/c', bytes('x')).catch((error: unknown) => error)
    if (typeof created === 'number' || isStoreError(created, 'exists')) break
    assert(performance.now() < deadline, String(created))
  }
  await watching
  ended.abort()
  assert(seen.includes('/b') || seen.includes('/c'))
})

test('an endpoint that is dead, or refuses, is passed over', async (t) => {
  if (isMissing(t, 'etcd', purpose)) return
  await using etcd = await startEtcdCluster()
  // Port 9 is "discard": nobody listens. The second never answers, being no etcd.
  const [alive] = etcd.members
  assert(alive)
  for (let i = 0; i < 3; i++) {
    await using store = await openStore(`etcd://127.0.0.1:9,${alive.endpoint},[::1]:9/p`, context)
    assert.equal(await store.create(`/${i}`, bytes('x')), await store.current())
  }
})

test('a watch and later writes go on after etcd was restarted', async (t) => {
  if (isMissing(t, 'etcd', purpose)) return
  await using etcd = await startEtcdCluster()
  const [member] = etcd.members
  assert(member)
  await using store = await openOn(etcd)
  const traffic = startTraffic(store, store, await store.current())
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await traffic.progress(50)
    await member.signal(signal)
    member.start()
  }
  await traffic.progress(50)
  await traffic.stop()
  await check(store, traffic)
})
