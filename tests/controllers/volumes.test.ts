import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localDriver, selectedNodeAnnotation } from '../../src/api/local-volumes.ts'
import { persistentVolumeClaims } from '../../src/api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../../src/api/resources/persistentvolumes.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { storageClasses } from '../../src/api/resources/storageclasses.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/api/schema/types.gen.ts'
import { openWorld, type World } from './harness.ts'

const inDefault = { namespace: 'default' }
const claim = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
})
const podWith = (name: string, claimName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    containers: [{ name: 'c', image: 'npm:web@1.0.0', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
  },
})
const claimNamed = (world: World, name: string) =>
  world.informers.for<PersistentVolumeClaim>(persistentVolumeClaims).get('default', name)
const podNamed = (world: World, name: string) => world.informers.for<Pod>(pods).get('default', name)
const hasClass = async (world: World) => (await world.list(storageClasses)).length > 0

test('a claim waits for its first pod, gets a volume on that node, and keeps later pods there', async () => {
  await using world = await openWorld()
  world.startLoops()
  for (const name of ['one', 'two', 'three']) await world.join(name)
  await world.until('the class', () => hasClass(world))
  await world.apply(persistentVolumeClaims, claim('files'))
  await world.until('its class', () => claimNamed(world, 'files')?.spec.storageClassName === 'local')
  assert.equal(claimNamed(world, 'files')?.status?.phase, 'Pending')
  assert.deepEqual(await world.list(persistentVolumes), [])

  await world.apply(pods, podWith('first', 'files'))
  await world.until('it is bound', () => claimNamed(world, 'files')?.status?.phase === 'Bound')
  await world.until('the pod has a node', () => podNamed(world, 'first')?.spec.nodeName !== undefined)
  const node = podNamed(world, 'first')?.spec.nodeName
  const bound = claimNamed(world, 'files')
  assert.equal(bound?.metadata.annotations?.[selectedNodeAnnotation], node)
  assert.deepEqual(bound?.status?.capacity, { storage: '1Gi' })
  await world.until('the volume says so', async () => {
    const [volume] = await world.list<PersistentVolume>(persistentVolumes)
    return volume?.status?.phase === 'Bound'
  })
  const [volume] = await world.list<PersistentVolume>(persistentVolumes)
  assert.equal(volume?.metadata.name, bound?.spec.volumeName)
  assert.equal(volume?.spec.csi?.driver, localDriver)
  assert.deepEqual(volume?.spec.nodeAffinity?.required?.nodeSelectorTerms, [
    { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
  ])

  for (const name of ['second', 'third']) {
    await world.apply(pods, podWith(name, 'files'))
    await world.until(`${name} follows`, () => podNamed(world, name)?.spec.nodeName === node)
  }
})

test('a claim in use stays, and then its volume goes with it', async () => {
  await using world = await openWorld()
  world.startLoops()
  await world.join('one')
  await world.until('the class', () => hasClass(world))
  await world.apply(persistentVolumeClaims, claim('files'))
  await world.apply(pods, podWith('user', 'files'))
  await world.until('the pod has a node', () => podNamed(world, 'user')?.spec.nodeName === 'one')
  await world.client.resource(persistentVolumeClaims).delete('files', inDefault)
  await world.until(
    'it is on its way out',
    () => claimNamed(world, 'files')?.metadata.deletionTimestamp !== undefined,
  )
  await world.apply(pods, podWith('late', 'files'))
  await world.until('nobody new', () =>
    Boolean(
      podNamed(world, 'late')?.status?.conditions?.some(({ message = '' }) =>
        message.includes('persistentvolumeclaim "files" is being deleted'),
      ),
    ),
  )
  for (const name of ['late', 'user'])
    await world.client.resource(pods).delete(name, { ...inDefault, gracePeriodSeconds: 0 })
  await world.until('the claim is gone', () => claimNamed(world, 'files') === undefined)
  await world.until('and its volume', async () => (await world.list(persistentVolumes)).length === 0)
})

test("an administrator's volume is given out, once, and kept when its claim goes", async () => {
  await using world = await openWorld()
  world.startLoops()
  await world.join('one')
  const volume = (name: string, storage: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'mine',
      hostPath: { path: '/srv/x' },
    },
  })
  for (const [name, size] of [
    ['big', '5Gi'],
    ['fitting', '2Gi'],
    ['small', '100Mi'],
  ] as const)
    await world.apply(persistentVolumes, volume(name, size))
  await world.apply(persistentVolumeClaims, claim('a', { storageClassName: 'mine' }))
  await world.until('the smallest that fits', () => claimNamed(world, 'a')?.spec.volumeName === 'fitting')
  await world.apply(persistentVolumeClaims, claim('b', { storageClassName: 'mine' }))
  await world.until('the next one', () => claimNamed(world, 'b')?.spec.volumeName === 'big')
  const phases = async () =>
    (await world.list<PersistentVolume>(persistentVolumes)).map(
      ({ metadata, status }) => `${metadata.name} ${status?.phase}`,
    )
  await world.until(
    'phases',
    async () => (await phases()).toSorted().join() === 'big Bound,fitting Bound,small Available',
  )
  await world.client.resource(persistentVolumeClaims).delete('a', inDefault)
  await world.until('released', async () => (await phases()).includes('fitting Released'))
})
