/** The loops may die at any moment, and what they see may be old: the end is the same, and the way to it keeps its bounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/ids.ts'
import { deployments } from '../../src/api/resources/deployments.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { replicaSets } from '../../src/api/resources/replicasets.ts'
import type { Deployment, Pod } from '../../src/api/schema/types.gen.ts'
import { brokenImage, deployment, openWorld, type World } from './harness.ts'

const template = (image: string) => ({
  spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
})

const isDone = async (world: World, replicas: number) => {
  const { status } = await world.client.resource<Deployment>(deployments).get('web', { namespace: 'default' })
  const counts = [status?.updatedReplicas, status?.replicas, status?.availableReplicas]
  return counts.every((count) => count === replicas)
}

/** The most pods that were alive at once. */
function watchMost(world: World): () => number {
  let most = 0
  const informer = world.informers.for<Pod>(pods)
  informer.onChange(() => {
    most = Math.max(most, informer.list().filter(({ metadata }) => !metadata.deletionTimestamp).length)
  })
  return () => most
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`killed at random moments, the loops come to the same end (seed ${seed})`, async () => {
    await using world = await openWorld()
    const random = seededRandom(seed)
    world.startLoops()
    await world.join('one')
    await world.join('two')
    const spec = { strategy: { rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } } }
    await world.apply(deployments, deployment('web', { replicas: 6, spec }))
    const api = world.client.resource<Deployment>(deployments)
    const images = new Map([
      [4, 'npm:hello@2.0.0'],
      [8, brokenImage],
      [12, 'npm:hello@3.0.0'],
    ])
    for (let round = 0; round < 20; round++) {
      // Some deaths come within a turn of the event loop, some after a while.
      if (random.float() < 0.5) await world.clock.advance(Math.floor(random.float() * 60))
      else for (let turns = random.float() * 40; turns > 0; turns--) await new Promise(setImmediate)
      const image = images.get(round)
      if (image) await api.patch('web', 'merge', template(image), { namespace: 'default' })
      await world.killLoops()
      world.startLoops()
    }
    await world.until('converged', () => isDone(world, 6))
    await world.clock.advance(2_000)
    assert.equal((await world.list(pods)).length, 6)
    assert.ok((await world.list(replicaSets)).length <= 4, 'one set for each template')
  })

  test(`with caches that lag behind, no pod is made twice and none too many deleted (seed ${seed})`, async () => {
    await using world = await openWorld({ lagMsMax: 400 * seed })
    world.startLoops()
    await world.join('one')
    const most = watchMost(world)
    const spec = { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }
    await world.apply(deployments, deployment('web', { replicas: 5, spec }))
    await world.until('rolled out', () => isDone(world, 5), 300_000)
    assert.equal(most(), 5, 'exactly as many as asked for')
    const api = world.client.resource<Deployment>(deployments)
    await api.patch('web', 'merge', { spec: { replicas: 2 } }, { namespace: 'default' })
    let fewest = Infinity
    const informer = world.informers.for<Pod>(pods)
    informer.onChange(() => {
      fewest = Math.min(fewest, informer.list().filter(({ metadata }) => !metadata.deletionTimestamp).length)
    })
    await world.until('scaled', () => isDone(world, 2), 300_000)
    assert.equal(fewest, 2, 'exactly as few as asked for')
    await api.patch('web', 'merge', { ...template('npm:hello@2.0.0') }, { namespace: 'default' })
    await world.until('rolled out again', () => isDone(world, 2), 300_000)
  })
}

test('with caches that lag behind, a machine is never given more than it has', async () => {
  await using world = await openWorld({ lagMsMax: 1_500 })
  world.startLoops()
  for (const name of ['one', 'two']) await world.join(name, { cpu: '3' })
  const containers = [{ name: 'main', image: 'npm:hello@1.0.0', resources: { requests: { cpu: '1' } } }]
  await world.apply(deployments, deployment('web', { replicas: 10, podSpec: { containers } }))
  const bound = async () => (await world.list<Pod>(pods)).filter(({ spec }) => spec.nodeName)
  await world.until('full', async () => (await bound()).length === 6, 120_000)
  await world.clock.advance(30_000)
  const perNode = Object.groupBy(await bound(), ({ spec }) => spec.nodeName ?? '')
  assert.deepEqual([perNode['one']?.length, perNode['two']?.length], [3, 3])
})

for (const seed of [1, 2, 3]) {
  test(`with caches that lag behind, orphans stay (${seed})`, async () => {
    await using world = await openWorld({ lagMsMax: 700 * seed })
    world.startLoops()
    await world.join('one')
    await world.apply(deployments, deployment('web', { replicas: 8 }))
    await world.until('rolled out', () => isDone(world, 8), 120_000)
    const before = new Set((await world.list<Pod>(pods)).map(({ metadata }) => metadata.uid))
    const propagationPolicy = 'Orphan'
    await world.client
      .resource<Deployment>(deployments)
      .delete('web', { namespace: 'default', propagationPolicy })
    await world.until('the owner is gone', async () => (await world.list(deployments)).length === 0, 120_000)
    for (const set of await world.list(replicaSets))
      await world.client
        .resource(replicaSets)
        .delete(set.metadata.name ?? '', { namespace: 'default', propagationPolicy })
    await world.until('its set is gone', async () => (await world.list(replicaSets)).length === 0, 120_000)
    await world.clock.advance(60_000)
    assert.deepEqual(new Set((await world.list<Pod>(pods)).map(({ metadata }) => metadata.uid)), before)
  })
}
