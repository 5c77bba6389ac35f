import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Lease, Node } from '../api/schema/types.gen.ts'
import type { ResourceRef } from '../client/client.ts'
import type { ControllerContext } from '../client/controller.ts'
import { scriptedClient } from '../client/fixture.ts'
import { pod } from './fixture.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'

const leaseOf = (name: string, resourceVersion: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace: 'kube-node-lease', resourceVersion },
  spec: { renewTime: resourceVersion },
})

const nodeOf = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { podCIDR: '10.0.0.0/24' },
})

/** A node that the controller hears nothing of, beside one that it hears. */
function openSilence() {
  const clock = fakeClock()
  const seen = new Map([['silent', leaseOf('silent', '1')]])
  const stored = new Map(seen)
  const deleted: string[] = []
  const once = pod('once', { node: 'silent', owner: 's' })
  once.metadata.annotations = { 'sampan.dev/run-once': 'true' }
  const caches: Readonly<Record<string, ReadonlyMap<string, KubeObject>>> = {
    nodes: new Map(['silent', 'heard'].map((name) => [name, nodeOf(name)])),
    pods: new Map(
      [once, pod('plain', { node: 'silent', owner: 's' })].map((each) => [each.metadata.name ?? '', each]),
    ),
  }
  const cacheOf = ({ plural }: ResourceRef) => caches[plural] ?? seen
  const client = scriptedClient([], {
    get: async (name) => stored.get(name) ?? leaseOf(name, '0'),
    updateStatus: async (object) => object,
    patch: async (name) => nodeOf(name),
    delete: async (name) => void deleted.push(name),
  })
  const informers = {
    for: (ref: ResourceRef) => ({
      get: (_namespace: string, name: string) => cacheOf(ref).get(name),
      list: () => [...cacheOf(ref).values()],
    }),
  }
  const context = {
    client,
    informers,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    events: { record: () => {} },
  } as unknown as ControllerContext
  const controller = nodeLifecycleController(clock)
  const signal = new AbortController().signal
  return {
    deleted,
    stored,
    /** Time passes, in which one of the two is heard. */
    pass: async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        seen.set('heard', leaseOf('heard', String(clock.monotonicMs())))
        for (const name of ['heard', 'silent'])
          await controller.reconcile({ namespace: '', name }, context, signal)
        await clock.advance(1_000)
      }
    },
  }
}

test('a pod that runs once is taken away when the lease must be over, the others as soon as the node is silent', async () => {
  const { deleted, pass } = openSilence()
  const gone = () => [...new Set(deleted)]
  await pass(10)
  assert.deepEqual(gone(), [])
  await pass(1)
  assert.deepEqual(gone(), ['plain'])
  await pass(39)
  assert.deepEqual(gone(), ['plain'])
  await pass(1)
  assert.deepEqual(gone(), ['plain', 'once'])
})

test('of a node that renews unheard, no pod that runs once is taken away', async () => {
  const { deleted, pass, stored } = openSilence()
  stored.set('silent', leaseOf('silent', '2'))
  await pass(100)
  assert.deepEqual([...new Set(deleted)], ['plain'])
})
