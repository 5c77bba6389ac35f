import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isConditionTrue, findCondition } from '../../src/api/conditions.ts'
import { controllerOf } from '../../src/api/owner-references.ts'
import { deployments } from '../../src/api/resources/deployments.ts'
import { events } from '../../src/api/resources/events.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { replicaSets } from '../../src/api/resources/replicasets.ts'
import type { Deployment, Event, Pod, ReplicaSet } from '../../src/api/schema/types.gen.ts'
import { brokenImage, deployment, openWorld, type World } from './harness.ts'

const api = (world: World) => world.client.resource<Deployment>(deployments)
const get = (world: World, name = 'web') => api(world).get(name, { namespace: 'default' })
const patch = (world: World, change: unknown, name = 'web') =>
  api(world).patch(name, 'merge', change, { namespace: 'default' })
const image = (text: string) => ({
  spec: { template: { spec: { containers: [{ name: 'main', image: text }] } } },
})

/** What `kubectl rollout status` waits for. */
async function isRolledOut(world: World): Promise<boolean> {
  const { metadata, spec, status } = await get(world)
  const wanted = spec.replicas ?? 1
  return (
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    findCondition(status?.conditions, 'Progressing')?.reason === 'NewReplicaSetAvailable'
  )
}

const open = async () => {
  const world = await openWorld()
  world.startLoops()
  await world.join('one')
  await world.join('two')
  return world
}

const setsOf = async (world: World) =>
  (await world.list<ReplicaSet>(replicaSets)).toSorted(
    (a, b) =>
      Number(a.metadata.annotations?.['deployment.kubernetes.io/revision']) -
      Number(b.metadata.annotations?.['deployment.kubernetes.io/revision']),
  )

const messages = async (world: World, kind: string) =>
  (await world.list<Event>(events))
    .filter(({ involvedObject }) => involvedObject.kind === kind)
    .map(({ message }) => message)

test('a deployment becomes available, says so in the words of kubectl, and rests', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web'))
  await world.until('rolled out', () => isRolledOut(world))
  const made = await get(world)
  const [set] = await setsOf(world)
  assert.deepEqual(
    made.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
    [
      ['Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'],
      [
        'Progressing',
        'True',
        'NewReplicaSetAvailable',
        `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
      ],
    ],
  )
  assert.equal(made.metadata.generation, 1)
  assert.equal(made.metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  assert.match(set?.metadata.name ?? '', /^web-[bcdfghjklmnpqrstvwxz2456789]{6,10}$/)
  await world.until('events', async () => (await messages(world, 'Deployment')).length > 0)
  assert.deepEqual(await messages(world, 'Deployment'), [
    `Scaled up replica set ${set?.metadata.name} from 0 to 3`,
  ])
  const [event] = (await world.list<Event>(events)).filter(({ reason }) => reason === 'ScalingReplicaSet')
  assert.equal(event?.source?.component, 'deployment-controller')
  const before = (await get(world)).metadata.resourceVersion
  await world.clock.advance(5_000)
  assert.equal((await get(world)).metadata.resourceVersion, before, 'nothing is written when nothing changes')
})

interface Bounds {
  readonly name: string
  readonly replicas: number
  readonly rollingUpdate: object
  readonly availableMin: number
  readonly totalMax: number
}

const bounds: readonly Bounds[] = [
  {
    name: 'no pod missing',
    replicas: 4,
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    availableMin: 4,
    totalMax: 5,
  },
  {
    name: 'no pod more',
    replicas: 4,
    rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    availableMin: 3,
    totalMax: 4,
  },
  {
    name: 'percentages',
    replicas: 10,
    rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
    availableMin: 8,
    totalMax: 13,
  },
]

for (const { name, replicas, rollingUpdate, availableMin, totalMax } of bounds) {
  test(`a rolling update keeps its bounds at every step: ${name}`, async () => {
    await using world = await open()
    await world.apply(deployments, deployment('web', { replicas, spec: { strategy: { rollingUpdate } } }))
    await world.until('rolled out', () => isRolledOut(world))
    const informer = world.informers.for<Pod>(pods)
    let [fewest, most] = [Infinity, 0]
    const look = () => {
      const alive = informer.list().filter(({ metadata }) => !metadata.deletionTimestamp)
      fewest = Math.min(
        fewest,
        alive.filter(({ status }) => isConditionTrue(status?.conditions, 'Ready')).length,
      )
      most = Math.max(most, alive.length)
    }
    informer.onChange(look)
    await world.until('the test sees the pods', () => informer.size === replicas)
    fewest = Infinity
    await patch(world, image('npm:hello@2.0.0'))
    await world.until('rolled out again', () => isRolledOut(world))
    assert.ok(fewest >= availableMin, `${fewest} available at a time, at least ${availableMin} promised`)
    assert.ok(most <= totalMax, `${most} pods at a time, at most ${totalMax} promised`)
    const images = (await world.list<Pod>(pods)).map(({ spec }) => spec.containers[0]?.image)
    assert.deepEqual(new Set(images), new Set(['npm:hello@2.0.0']))
  })
}

test('a rollout that does not move fails at its deadline; going back mends it and numbers the old set anew', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web', { spec: { progressDeadlineSeconds: 30 } }))
  await world.until('rolled out', () => isRolledOut(world))
  await patch(world, image(brokenImage))
  const reason = async () => findCondition((await get(world)).status?.conditions, 'Progressing')
  await world.until('timed out', async () => (await reason())?.reason === 'ProgressDeadlineExceeded')
  const condition = await reason()
  const [first, second] = await setsOf(world)
  assert.equal(condition?.status, 'False')
  assert.equal(condition?.message, `ReplicaSet "${second?.metadata.name}" has timed out progressing.`)
  assert.equal((await get(world)).status?.availableReplicas, 3, 'the old pods hold the fort')

  await patch(world, image('npm:hello@1.0.0'))
  await world.until('rolled back', () => isRolledOut(world))
  const [, latest] = await setsOf(world)
  assert.equal(latest?.metadata.uid, first?.metadata.uid, 'the same set, not a third')
  assert.equal(latest?.metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  assert.equal(latest?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
  assert.equal((await get(world)).metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
})

test('recreate never runs old and new pods side by side', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web', { spec: { strategy: { type: 'Recreate' } } }))
  await world.until('rolled out', () => isRolledOut(world))
  let sawBoth = false
  const informer = world.informers.for<Pod>(pods)
  informer.onChange(() => {
    sawBoth ||= new Set(informer.list().map((pod) => controllerOf(pod)?.uid)).size > 1
  })
  await patch(world, image('npm:hello@2.0.0'))
  await world.until('rolled out again', () => isRolledOut(world))
  assert.equal(sawBoth, false)
})

test('a paused deployment can be scaled but not changed, and goes on when it is resumed', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web'))
  await world.until('rolled out', () => isRolledOut(world))
  await patch(world, { spec: { paused: true } })
  const progressing = async () => findCondition((await get(world)).status?.conditions, 'Progressing')?.reason
  await world.until('says so', async () => (await progressing()) === 'DeploymentPaused')
  await patch(world, { ...image('npm:hello@2.0.0'), spec: { replicas: 5, ...image('npm:hello@2.0.0').spec } })
  await world.until('scaled', async () => (await get(world)).status?.availableReplicas === 5)
  assert.equal((await setsOf(world)).length, 1)
  await patch(world, { spec: { paused: false } })
  await world.until('rolled out', () => isRolledOut(world))
  assert.equal((await setsOf(world)).length, 2)
})

test('scaling down gives up pods that are not ready first, and scaling to nothing leaves nothing', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web', { replicas: 6 }))
  await world.until('rolled out', () => isRolledOut(world))
  const [weak, ...strong] = await world.list<Pod>(pods)
  assert.ok(weak)
  const conditions = [{ type: 'Ready', status: 'False' }]
  await world.client
    .resource<Pod>(pods)
    .patch(
      weak.metadata.name ?? '',
      'strategic',
      { status: { conditions } },
      { namespace: 'default', subresource: 'status' },
    )
  await world.until('noticed', async () => (await get(world)).status?.availableReplicas === 5)
  await patch(world, { spec: { replicas: 5 } })
  await world.until('scaled', async () => (await world.list<Pod>(pods)).length === 5)
  const names = (await world.list<Pod>(pods)).map(({ metadata }) => metadata.name)
  assert.deepEqual(new Set(names), new Set(strong.map(({ metadata }) => metadata.name)))
  await patch(world, { spec: { replicas: 0 } })
  await world.until('empty', async () => (await world.list<Pod>(pods)).length === 0)
  await world.until('rolled out', () => isRolledOut(world))
})

test('sets beyond the history limit are forgotten, the latest stay', async () => {
  await using world = await open()
  await world.apply(deployments, deployment('web', { replicas: 1, spec: { revisionHistoryLimit: 1 } }))
  for (const version of [2, 3, 4]) {
    await world.until('rolled out', () => isRolledOut(world))
    await patch(world, image(`npm:hello@${version}.0.0`))
  }
  await world.until('rolled out', () => isRolledOut(world))
  await world.until('trimmed', async () => (await setsOf(world)).length === 2)
  const revisions = (await setsOf(world)).map(
    ({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision'],
  )
  assert.deepEqual(revisions, ['3', '4'])
})
