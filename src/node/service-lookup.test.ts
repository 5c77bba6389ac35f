import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Endpoint, EndpointSlice, Service } from '../api/schema/types.gen.ts'
import { addressesOf, destinationsOf, type ClusterView } from './service-lookup.ts'

const service = (name: string, spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec,
})
const services = [
  service('web', {
    clusterIP: '10.96.1.1',
    ports: [
      { name: 'http', port: 80 },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ],
  }),
  service('db', { clusterIP: 'None', ports: [{ port: 5432 }] }),
  service('idle', { clusterIP: '10.96.1.2', ports: [{ port: 80 }] }),
  service('out', { type: 'ExternalName', externalName: 'example.com' }),
]
const slice = (of: string, port: number, ...endpoints: Endpoint[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: of, namespace: 'shop', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: of === 'web' ? 'http' : '', port }],
})
const slices = [
  slice(
    'web',
    3000,
    { addresses: ['10.64.0.5'], nodeName: 'a', conditions: { ready: true } },
    { addresses: ['10.64.4.6'], nodeName: 'b', conditions: {} },
    { addresses: ['10.64.4.7'], nodeName: 'b', conditions: { ready: false } },
  ),
  slice(
    'db',
    5432,
    { addresses: ['10.64.4.9'], nodeName: 'b', hostname: 'db-0' },
    { addresses: ['10.64.0.9'], nodeName: 'a', hostname: 'db-1' },
  ),
]
const view: ClusterView = {
  service: (namespace, name) =>
    services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  serviceByIP: (ip) => services.find(({ spec }) => spec.clusterIP === ip),
  slicesOf: (_namespace, name) => slices.filter(({ metadata }) => metadata.name === name),
  slicesWith: (ip) =>
    slices.filter(({ endpoints = [] }) => endpoints.some(({ addresses }) => addresses.includes(ip))),
}
const to = (host: string, port: number, namespace = 'shop') => {
  const answer = destinationsOf(view, { host, namespace, port })
  return answer.kind === 'destinations'
    ? answer.destinations.map((place) => `${place.node}/${place.podIP}:${place.port}`)
    : answer
}
const both = ['a/10.64.0.5:3000', 'b/10.64.4.6:3000']

const connections = {
  'a name leads to the ready pods, at their own port': () => assert.deepEqual(to('web', 80), both),
  'the cluster address does too': () => assert.deepEqual(to('10.96.1.1', 80, 'elsewhere'), both),
  'a port that the Service does not have is refused': () => assert.deepEqual(to('web', 81), []),
  'a port for datagrams is none for connections': () => assert.deepEqual(to('web', 53), []),
  'no pods, no way': () => assert.deepEqual(to('idle', 80), []),
  'another namespace does not see it by its short name': () =>
    assert.deepEqual(to('web', 80, 'elsewhere'), { kind: 'foreign' }),
  'a headless name leads to its pods, at whatever port': () =>
    assert.deepEqual(to('db', 9999), ['b/10.64.4.9:9999', 'a/10.64.0.9:9999']),
  'one pod of it has a name of its own': () =>
    assert.deepEqual(to('db-1.db.shop.svc.cluster.local', 5432), ['a/10.64.0.9:5432']),
  'a pod behind a Service has an address': () => assert.deepEqual(to('10.64.4.9', 80), ['b/10.64.4.9:80']),
  'an external name is another name': () =>
    assert.deepEqual(to('out', 443), { kind: 'alias', name: 'example.com' }),
  'anything else is of the outside': () => {
    for (const host of ['example.com', '10.64.9.9', 'nothing'])
      assert.deepEqual(to(host, 80), { kind: 'foreign' })
  },
}
for (const [what, check] of Object.entries(connections)) test(what, check)

test('names resolve as a cluster’s DNS has them', () => {
  assert.deepEqual(addressesOf(view, 'web', 'shop'), ['10.96.1.1'])
  assert.deepEqual(addressesOf(view, 'db.shop', 'x'), ['10.64.4.9', '10.64.0.9'])
  assert.deepEqual(addressesOf(view, 'db-0.db.shop.svc', 'x'), ['10.64.4.9'])
  assert.equal(addressesOf(view, 'out', 'shop'), undefined)
  assert.equal(addressesOf(view, 'example.com', 'shop'), undefined)
})
