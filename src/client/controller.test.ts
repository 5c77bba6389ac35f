import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../base/deferred.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { secrets } from '../api/resources/secrets.ts'
import type { Client, ResourceRef } from './client.ts'
import { runController, TerminalError, type ControllerSpec } from './controller.ts'
import { openInformers } from './informers.ts'
import { bookmark, event, scriptedClient, type Script } from './fixture.ts'

/** A client with a script of its own for each resource. */
function clientOf(scripts: Readonly<Record<string, readonly Script[]>>): Client {
  const clients = new Map(Object.entries(scripts).map(([plural, list]) => [plural, scriptedClient(list)]))
  const empty = scriptedClient([[bookmark(1, true)]])
  return {
    ...empty,
    resource: <T extends KubeObject>(ref: ResourceRef) => (clients.get(ref.plural) ?? empty).resource<T>(ref),
  }
}

function run(scripts: Readonly<Record<string, readonly Script[]>>, spec: Partial<ControllerSpec>) {
  const clock = fakeClock()
  const client = clientOf(scripts)
  const loop = { client, clock, random: seededRandom(1), logger: silentLogger }
  const informers = openInformers(loop)
  const stop = new AbortController()
  const seen: string[] = []
  const full: ControllerSpec = {
    name: 'test',
    component: 'test',
    watches: configMaps,
    workers: 2,
    reconcile: async ({ namespace, name }) => void seen.push(`${namespace}/${name}`),
    ...spec,
  }
  const running = runController(full, { ...loop, informers }, stop.signal)
  return {
    clock,
    seen,
    running,
    end: async () => {
      stop.abort(new Error('the test ends'))
      await running
      await informers[Symbol.asyncDispose]()
    },
  }
}

const owned = (kind: string, apiVersion: string, controller = true): KubeObject => {
  const made = event('ADDED', 'child', 3).object
  const ownerReferences = [{ apiVersion, kind, name: 'owner', uid: 'owner', controller }]
  return { ...made, metadata: { ...made.metadata, ownerReferences } }
}

test('every object is reconciled once at the start, and after each change', async () => {
  const more = deferred()
  const { clock, seen, end } = run(
    {
      configmaps: [
        [
          event('ADDED', 'a', 1),
          event('ADDED', 'b', 2),
          bookmark(2, true),
          more.promise,
          event('MODIFIED', 'a', 3),
          event('DELETED', 'b', 4),
        ],
      ],
    },
    {},
  )
  await clock.advance(10)
  assert.deepEqual(seen.toSorted(), ['default/a', 'default/b'])
  more.resolve()
  await clock.advance(10)
  assert.deepEqual(seen.slice(2).toSorted(), ['default/a', 'default/b'])
  await end()
})

test('a change of what it owns concerns the controlling owner of the right kind and group', async () => {
  for (const [child, is] of [
    [owned('ConfigMap', 'v1'), ['default/owner']],
    [owned('ConfigMap', 'v1', false), []],
    [owned('Secret', 'v1'), []],
    [owned('ConfigMap', 'example.com/v1'), []],
  ] as const) {
    const { clock, seen, end } = run(
      { secrets: [[{ type: 'ADDED', object: child }, bookmark(3, true)]] },
      { owns: [secrets] },
    )
    await clock.advance(10)
    assert.deepEqual(seen, is)
    await end()
  }
})

test('an object that changes hands concerns the old owner and the new', async () => {
  const before = owned('ConfigMap', 'v1')
  const [reference] = before.metadata.ownerReferences ?? []
  assert.ok(reference)
  const after = {
    ...before,
    metadata: { ...before.metadata, resourceVersion: '9', ownerReferences: [{ ...reference, name: 'heir' }] },
  }
  const { clock, seen, end } = run(
    {
      secrets: [[{ type: 'ADDED', object: before }, bookmark(3, true), { type: 'MODIFIED', object: after }]],
    },
    { owns: [secrets] },
  )
  await clock.advance(10)
  assert.deepEqual(new Set(seen), new Set(['default/owner', 'default/heir']))
  await end()
})

test('nothing is reconciled before everything it reads is there', async () => {
  const ready = deferred()
  const { clock, seen, end } = run(
    {
      configmaps: [[event('ADDED', 'a', 1), bookmark(1, true)]],
      secrets: [[ready.promise, bookmark(5, true)]],
    },
    { reads: [secrets] },
  )
  await clock.advance(60_000)
  assert.deepEqual(seen, [])
  ready.resolve()
  await clock.advance(10)
  assert.deepEqual(seen, ['default/a'])
  await end()
})

test('it ends while it still waits for its caches', async () => {
  const { clock, end, seen } = run({ configmaps: [[new Promise(() => {})]] }, {})
  await clock.advance(1_000)
  await end()
  assert.deepEqual(seen, [])
})

test('a failure is tried again after a growing pause, a terminal one not', async () => {
  let tries = 0
  const script = { configmaps: [[event('ADDED', 'a', 1), bookmark(1, true)]] }
  const failing = run(script, {
    async reconcile() {
      tries++
      throw new Error('not yet')
    },
  })
  await failing.clock.advance(1_000)
  assert.ok(tries > 5 && tries < 12, `${tries} tries in a second`)
  await failing.end()
  tries = 0
  const terminal = run(script, {
    async reconcile() {
      tries++
      throw new TerminalError('never')
    },
  })
  await terminal.clock.advance(60_000)
  assert.equal(tries, 1)
  await terminal.end()
})

test('requeueAfterMs brings a key back at that time', async () => {
  const at: number[] = []
  const { clock, end } = run(
    { configmaps: [[event('ADDED', 'a', 1), bookmark(1, true)]] },
    {
      async reconcile(_key, context) {
        at.push(context.clock.monotonicMs())
        return { requeueAfterMs: 1_000 }
      },
    },
  )
  await clock.advance(2_500)
  assert.deepEqual(at, [0, 1_000, 2_000])
  await end()
})

test('ending waits for the work in hand', async () => {
  const finish = deferred()
  let isFinished = false
  const { clock, end } = run(
    { configmaps: [[event('ADDED', 'a', 1), bookmark(1, true)]] },
    {
      async reconcile() {
        await finish.promise
        isFinished = true
      },
    },
  )
  await clock.advance(10)
  const ended = end().then(() => assert.equal(isFinished, true))
  finish.resolve()
  await ended
  assert.equal(clock.pending, 0)
})
