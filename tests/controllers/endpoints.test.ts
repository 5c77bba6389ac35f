import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployments } from '../../src/api/resources/deployments.ts'
import { endpoints } from '../../src/api/resources/endpoints.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { services } from '../../src/api/resources/services.ts'
import type { Endpoints, Pod, Service } from '../../src/api/schema/types.gen.ts'
import { deployment, openWorld, type World } from './harness.ts'

const inDefault = { namespace: 'default' }
const service = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
})

const named = async (world: World, name: string) =>
  (await world.list<Endpoints>(endpoints)).find(({ metadata }) => metadata.name === name)
const counts = async (world: World, name: string) => {
  const { subsets = [] } = (await named(world, name)) ?? {}
  const [subset] = subsets
  return [subset?.addresses?.length ?? 0, subset?.notReadyAddresses?.length ?? 0].join('/')
}

test('Endpoints follow the pods of their service, and go with it', async () => {
  await using world = await openWorld()
  world.startLoops()
  await world.join('one')
  await world.apply(services, service('web', { selector: { app: 'web' } }))
  await world.until('there, and empty', async () => (await named(world, 'web')) !== undefined)
  await world.apply(deployments, deployment('web', { replicas: 2 }))
  await world.until('two addresses', async () => (await counts(world, 'web')) === '2/0')
  const [pod] = await world.list<Pod>(pods)
  const status = { conditions: [{ type: 'Ready', status: 'False' }] }
  await world.client
    .resource<Pod>(pods)
    .patch(pod?.metadata.name ?? '', 'strategic', { status }, { ...inDefault, subresource: 'status' })
  await world.until('one of them not ready', async () => (await counts(world, 'web')) === '1/1')
  await world.client.resource<Endpoints>(endpoints).delete('web', inDefault)
  await world.until('made again', async () => (await counts(world, 'web')) === '1/1')
  await world.client.resource<Service>(services).delete('web', inDefault)
  await world.until('gone', async () => (await named(world, 'web')) === undefined)
})

test('Endpoints that somebody writes for a service without a selector are theirs', async () => {
  await using world = await openWorld()
  world.startLoops()
  await world.apply(services, service('outside', {}))
  const subsets = [{ addresses: [{ ip: '192.0.2.7' }], ports: [{ name: 'http', port: 80 }] }]
  await world.apply(endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'outside' },
    subsets,
  })
  // A service that is made after them has been looked at: so have they.
  await world.apply(services, service('later', { selector: { app: 'later' } }))
  await world.until('looked at', async () => (await named(world, 'later')) !== undefined)
  await world.client.resource<Service>(services).delete('outside', inDefault)
  await world.client.resource<Service>(services).delete('later', inDefault)
  await world.until('gone', async () => (await named(world, 'later')) === undefined)
  assert.equal((await named(world, 'outside'))?.subsets?.[0]?.addresses?.[0]?.ip, '192.0.2.7')
})
