import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findCondition } from '../../src/api/conditions.ts'
import type { KubeObject } from '../../src/api/meta.ts'
import { configMaps } from '../../src/api/resources/configmaps.ts'
import { customResourceDefinitions } from '../../src/api/resources/customresourcedefinitions.ts'
import { deployments } from '../../src/api/resources/deployments.ts'
import { endpointSlices } from '../../src/api/resources/endpointslices.ts'
import { events } from '../../src/api/resources/events.ts'
import { namespaces } from '../../src/api/resources/namespaces.ts'
import { nodes } from '../../src/api/resources/nodes.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { resourceQuotas } from '../../src/api/resources/resourcequotas.ts'
import { services } from '../../src/api/resources/services.ts'
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  Event,
  Namespace,
  Node,
  Pod,
  ResourceQuota,
  Service,
} from '../../src/api/schema/types.gen.ts'
import { isNotFound } from '../../src/api/status.ts'
import { deployment, openWorld, type World } from './harness.ts'

const open = async (...machines: readonly string[]) => {
  const world = await openWorld()
  world.startLoops()
  for (const name of machines) await world.join(name)
  return world
}

const livePods = async (world: World) =>
  (await world.list<Pod>(pods)).filter(({ metadata }) => !metadata.deletionTimestamp)

const readyPods = async (world: World) =>
  (await livePods(world)).filter(
    ({ status }) => findCondition(status?.conditions, 'Ready')?.status === 'True',
  )

const epochsOf = (some: readonly Pod[]): readonly number[] =>
  some.flatMap(({ metadata }) => Number(metadata.annotations?.['sampan.dev/epoch'] ?? []))

test('a pod that fits nowhere says why, and is placed when a machine joins', async () => {
  await using world = await open('small')
  await world.client.resource<Node>(nodes).patch('small', 'merge', { spec: { unschedulable: true } })
  const requests = { cpu: '2' }
  const podSpec = { containers: [{ name: 'main', image: 'npm:hello@1.0.0', resources: { requests } }] }
  await world.apply(deployments, deployment('web', { replicas: 1, podSpec }))
  const why = '0/1 nodes are available: 1 node(s) were unschedulable.'
  const condition = async () =>
    findCondition((await world.list<Pod>(pods))[0]?.status?.conditions, 'PodScheduled')
  await world.until('the condition', async () => (await condition())?.message === why)
  assert.equal((await condition())?.reason, 'Unschedulable')
  const failed = async () =>
    (await world.list<Event>(events)).filter(({ reason }) => reason === 'FailedScheduling')
  await world.until('the event', async () => (await failed()).length === 1)
  const [event] = await failed()
  assert.deepEqual(
    [event?.type, event?.message, event?.source?.component],
    ['Warning', why, 'default-scheduler'],
  )
  await world.join('large')
  await world.until('ready', async () => (await readyPods(world)).length === 1, 5_000)
  assert.equal((await livePods(world))[0]?.spec.nodeName, 'large')
})

test('replicas spread over machines', async () => {
  await using world = await open('one', 'two', 'three')
  await world.apply(deployments, deployment('web', { replicas: 6 }))
  await world.until('ready', async () => (await readyPods(world)).length === 6)
  const perNode = Object.groupBy(await livePods(world), ({ spec }) => spec.nodeName ?? '')
  assert.deepEqual(
    Object.values(perNode).map((list) => list?.length),
    [2, 2, 2],
  )
})

test('pods of a machine that falls silent are made anew elsewhere; when it is back, nothing runs twice', async () => {
  await using world = await open('one', 'two')
  await world.apply(deployments, deployment('web', { replicas: 4 }))
  await world.until('ready', async () => (await readyPods(world)).length === 4)
  world.silence('one')
  const silentMs = world.clock.monotonicMs()
  const isUnknown = async () =>
    findCondition((await world.client.resource<Node>(nodes).get('one')).status?.conditions, 'Ready')
      ?.status === 'Unknown'
  await world.until('declared Unknown', isUnknown)
  const tookMs = world.clock.monotonicMs() - silentMs
  assert.ok(tookMs >= 8_000 && tookMs <= 12_500, `declared after ${tookMs} ms`)
  await world.until('replaced', async () => {
    const ready = await readyPods(world)
    return ready.length === 4 && ready.every(({ spec }) => spec.nodeName === 'two')
  })
  const taints = (await world.client.resource<Node>(nodes).get('one')).spec.taints?.map(
    ({ key, effect }) => `${key}:${effect}`,
  )
  assert.deepEqual(taints, [
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ])
  await world.join('one')
  await world.until('the old pods are gone', async () => (await world.list<Pod>(pods)).length === 4)
  await world.until(
    'no taints',
    async () => ((await world.client.resource<Node>(nodes).get('one')).spec.taints ?? []).length === 0,
  )
})

test('pods that run once are made anew only when the lease of a silent machine has run out', async () => {
  await using world = await open('one', 'two')
  const annotations = { 'sampan.dev/run-once': 'true' }
  await world.apply(deployments, deployment('once', { replicas: 4, annotations }))
  await world.apply(deployments, deployment('web', { replicas: 4 }))
  await world.until('ready', async () => (await readyPods(world)).length === 8)
  const left = async (app: string) =>
    (await livePods(world)).filter(
      ({ metadata, spec }) => metadata.labels?.['app'] === app && spec.nodeName === 'one',
    )
  const before = Math.max(...epochsOf(await livePods(world)))
  world.silence('one')
  const silentMs = world.clock.monotonicMs()
  await world.until('ordinary pods have moved', async () => (await left('web')).length === 0, 13_000)
  const count = (await left('once')).length
  assert.ok(count > 0)
  let keptMs = 0
  await world.until('the others have moved', async () => {
    const now = (await left('once')).length
    if (now === count) keptMs = world.clock.monotonicMs() - silentMs
    return now === 0
  })
  // Its last renewal may be two seconds older than its silence.
  assert.ok(keptMs >= 47_900 && keptMs <= 52_000, `kept for ${keptMs} ms`)
  await world.until('made anew', async () => (await readyPods(world)).length === 8)
  const newer = epochsOf(await livePods(world)).filter((epoch) => epoch > before)
  assert.equal(newer.length, count)
})

test('when every machine is silent at once nothing is evicted', async () => {
  await using world = await open('one', 'two')
  await world.apply(deployments, deployment('web', { replicas: 4 }))
  await world.until('ready', async () => (await readyPods(world)).length === 4)
  const before = new Set((await livePods(world)).map(({ metadata }) => metadata.uid))
  world.silence('one')
  world.silence('two')
  await world.clock.advance(60_000)
  await world.join('one')
  await world.clock.advance(4_000) // the second comes back later than the first
  await world.join('two')
  await world.clock.advance(20_000)
  assert.deepEqual(new Set((await readyPods(world)).map(({ metadata }) => metadata.uid)), before)
})

test('each machine gets a block of addresses of its own', async () => {
  await using world = await open('one', 'two', 'three', 'four')
  const blocks = async () => (await world.list<Node>(nodes)).flatMap(({ spec }) => spec.podCIDR ?? [])
  await world.until('assigned', async () => (await blocks()).length === 4)
  assert.equal(new Set(await blocks()).size, 4)
})

test('a service leads to the pods that are ready, and to them only', async () => {
  await using world = await open('one')
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }]
  await world.apply(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports },
  })
  const slices = () => world.list<EndpointSlice>(endpointSlices)
  await world.until('an empty slice', async () => (await slices()).length === 1)
  await world.apply(deployments, deployment('web', { replicas: 2 }))
  const ready = async () =>
    (await slices()).flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready)
  await world.until('two endpoints', async () => (await ready()).length === 2)
  const [slice] = await slices()
  assert.deepEqual(slice?.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }])
  assert.equal(slice?.metadata.labels?.['kubernetes.io/service-name'], 'web')
  const [pod] = await world.list<Pod>(pods)
  const conditions = [{ type: 'Ready', status: 'False' }]
  await world.client
    .resource<Pod>(pods)
    .patch(
      pod?.metadata.name ?? '',
      'strategic',
      { status: { conditions } },
      { namespace: 'default', subresource: 'status' },
    )
  await world.until('one endpoint', async () => (await ready()).length === 1)
  assert.notEqual((await ready())[0]?.targetRef?.uid, pod?.metadata.uid)
  await world.client.resource<Service>(services).delete('web', { namespace: 'default' })
  await world.until('no slice', async () => (await slices()).length === 0)
})

test('a namespace that is deleted is emptied first, though controllers would fill it again', async () => {
  await using world = await open('one')
  await world.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  const inTeam = { ...deployment('web'), metadata: { name: 'web', namespace: 'team' } }
  await world.apply(deployments, inTeam)
  await world.apply(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'team' },
  })
  await world.until('running', async () =>
    (await world.list<Pod>(pods, 'team')).some(({ status }) => status?.phase === 'Running'),
  )
  await world.client.resource<Namespace>(namespaces).delete('team')
  const isGone = async () => {
    try {
      await world.client.resource<Namespace>(namespaces).get('team')
      return false
    } catch (error) {
      if (isNotFound(error)) return true
      throw error
    }
  }
  await world.until('gone', isGone)
  for (const resource of [pods, deployments, configMaps, events])
    assert.deepEqual(await world.list(resource, 'team'), [])
})

const remove = (world: World, propagationPolicy: 'Foreground' | 'Background' | 'Orphan') =>
  world.client.resource<Deployment>(deployments).delete('web', { namespace: 'default', propagationPolicy })
const countOf = async (world: World) => ({
  deployments: (await world.list(deployments)).length,
  pods: (await world.list(pods)).length,
})

test('background deletion: the owner goes at once, what it owned follows', async () => {
  await using world = await open('one')
  await world.apply(deployments, deployment('web'))
  await world.until('ready', async () => (await readyPods(world)).length === 3)
  await remove(world, 'Background')
  assert.equal((await countOf(world)).deployments, 0)
  await world.until('empty', async () => (await countOf(world)).pods === 0)
})

test('foreground deletion: the owner stays until what it owned is gone', async () => {
  await using world = await open('one')
  await world.apply(deployments, deployment('web'))
  await world.until('ready', async () => (await readyPods(world)).length === 3)
  world.silence('one') // nobody confirms the end of its pods
  await remove(world, 'Foreground')
  await world.until('pods are asked to end', async () => (await livePods(world)).length === 0)
  await world.clock.advance(1_000)
  assert.deepEqual(await countOf(world), { deployments: 1, pods: 3 })
  await world.join('one')
  await world.until('empty', async () => (await countOf(world)).deployments === 0)
  assert.equal((await countOf(world)).pods, 0)
})

test('orphaning: the owner goes, its pods run on, and a namesake takes them over', async () => {
  await using world = await open('one')
  await world.apply(deployments, deployment('web'))
  await world.until('ready', async () => (await readyPods(world)).length === 3)
  const before = new Set((await livePods(world)).map(({ metadata }) => metadata.uid))
  await remove(world, 'Orphan')
  await world.until('the owner is gone', async () => (await countOf(world)).deployments === 0)
  await world.clock.advance(2_000)
  assert.deepEqual(new Set((await readyPods(world)).map(({ metadata }) => metadata.uid)), before)
  await world.apply(deployments, deployment('web'))
  await world.until(
    'adopted',
    async () => (await world.list<Deployment>(deployments))[0]?.status?.availableReplicas === 3,
  )
  assert.deepEqual(new Set((await readyPods(world)).map(({ metadata }) => metadata.uid)), before)
})

test('an object stays while one of its owners is there, and no longer refers to the other', async () => {
  await using world = await open()
  const owner = (name: string) =>
    world.apply<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
  const [one, two] = [await owner('one'), await owner('two')]
  const ownerReferences = [one, two].map(({ metadata }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: metadata.name,
    uid: metadata.uid,
  }))
  await world.apply(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'child', ownerReferences },
  })
  const api = world.client.resource<ConfigMap>(configMaps)
  const owners = async () =>
    (await api.get('child', { namespace: 'default' })).metadata.ownerReferences?.map(({ name }) => name)
  await api.delete('one', { namespace: 'default' })
  await world.until('one reference', async () => (await owners())?.length === 1)
  assert.deepEqual(await owners(), ['two'])
  await api.delete('two', { namespace: 'default' })
  await world.until('gone', async () => (await world.list(configMaps)).length === 0)
})

test('an owner that waits in the foreground goes when what it waited for belongs to somebody else too', async () => {
  await using world = await open()
  const owner = (name: string) =>
    world.apply<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
  const owners = [await owner('one'), await owner('two')]
  const ownerReferences = owners.map(({ metadata: { name, uid } }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name,
    uid,
    blockOwnerDeletion: true,
  }))
  await world.apply(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'child', ownerReferences },
  })
  const api = world.client.resource<ConfigMap>(configMaps)
  await api.delete('one', { namespace: 'default', propagationPolicy: 'Foreground' })
  const names = async () => (await world.list<ConfigMap>(configMaps)).map(({ metadata }) => metadata.name)
  await world.until('gone', async () => !(await names()).includes('one'))
  await world.clock.advance(2_000)
  assert.deepEqual(await names(), ['child', 'two'])
})

test('owners in a circle do not wait for each other for ever', async () => {
  await using world = await open()
  const api = world.client.resource<ConfigMap>(configMaps)
  const make = (name: string) =>
    world.apply<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
  const [one, two] = [await make('one'), await make('two')]
  const own = (child: ConfigMap, { metadata: { name, uid } }: ConfigMap) => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true }]
    return api.patch(
      child.metadata.name ?? '',
      'merge',
      { metadata: { ownerReferences } },
      { namespace: 'default' },
    )
  }
  await own(one, two)
  await own(two, one)
  await world.clock.advance(1_000)
  await api.delete('one', { namespace: 'default', propagationPolicy: 'Foreground' })
  await world.until('both gone', async () => (await world.list(configMaps)).length === 0)
})

test('an owner in another namespace counts as gone; one of an unknown kind, or unknowable, does not', async () => {
  await using world = await open('one')
  await world.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  const far = await world.apply<ConfigMap>(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'far', namespace: 'team' },
  })
  const reference = (apiVersion: string, kind: string) => ({
    apiVersion,
    kind,
    name: 'far',
    uid: far.metadata.uid ?? '',
  })
  const child = (name: string, ownerReferences: object[]) =>
    world.apply(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ownerReferences } })
  await child('abroad', [reference('v1', 'ConfigMap')])
  await child('strange', [reference('example.com/v1', 'Widget')])
  const named = { metadata: { ownerReferences: [reference('v1', 'ConfigMap')] } }
  await world.client.resource<Node>(nodes).patch('one', 'merge', named)
  await world.until('collected', async () => (await world.list(configMaps)).length === 1)
  await world.clock.advance(5_000)
  assert.deepEqual(
    (await world.list<ConfigMap>(configMaps)).map(({ metadata }) => metadata.name),
    ['strange'],
  )
  assert.equal((await world.list(nodes)).length, 1)
})

test('a quota counts custom objects too, and a deletion at once', async () => {
  await using world = await openWorld()
  world.startLoops()
  const widgets = { group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true }
  await world.apply(customResourceDefinitions, {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  })
  const hard = { 'count/widgets.example.com': '1', 'count/configmaps': '5' }
  await world.apply(resourceQuotas, { metadata: { name: 'few' }, spec: { hard } })
  const isUsed = async (what: string, many: string) => {
    const [quota] = await world.list<ResourceQuota & KubeObject>(resourceQuotas)
    return quota?.status?.used?.[what] === many
  }
  await world.until('the quota is counted', () => isUsed('count/widgets.example.com', '0'))
  const widget = (name: string) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } })
  await world.until('the kind is served', () =>
    world.list(widgets).then(
      () => true,
      () => false,
    ),
  )
  await world.apply(widgets, widget('one'))
  await assert.rejects(world.apply(widgets, widget('two')), /exceeded quota: few/)
  await world.client.resource(widgets).delete('one', { namespace: 'default' })
  await world.until('the widget is counted off', () => isUsed('count/widgets.example.com', '0'), 15_000)
  await world.apply(widgets, widget('two'))

  await world.apply(configMaps, { metadata: { name: 'note' } })
  const before = (await world.list(configMaps)).length
  await world.until('it is counted', () => isUsed('count/configmaps', String(before)))
  await world.client.resource(configMaps).delete('note', { namespace: 'default' })
  await world.until('it is counted off', () => isUsed('count/configmaps', String(before - 1)), 3_000)
})
