import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Ingress, SliceEndpoint } from './kube-objects.ts'
import { usableEndpoints } from './route-data.ts'
import { routeDataFrom } from './translate.ts'

const service = (name: string, ports: { name?: string; port: number }[]) => ({
  metadata: { name, namespace: 'shop' },
  spec: { ports },
})

const slice = (name: string, ports: EndpointSlice['ports'], endpoints: SliceEndpoint[]): EndpointSlice => ({
  metadata: { name: `${name}-x`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: ports ?? [],
  endpoints,
})

const ingress = (
  name: string,
  port: { name?: string; number?: number },
  created = '2026-01-01T00:00:00Z',
): Ingress => ({
  metadata: { name: `${name}-in`, namespace: 'shop', creationTimestamp: created },
  spec: {
    rules: [
      {
        host: 'Shop.test',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port } } }] },
      },
    ],
  },
})

test('a service port given by number finds the slice port of its name', () => {
  const data = routeDataFrom({
    ingresses: [ingress('web', { number: 80 })],
    services: [
      service('web', [
        { name: 'metrics', port: 9090 },
        { name: 'http', port: 80 },
      ]),
    ],
    endpointSlices: [
      slice(
        'web',
        [
          { name: 'http', port: 3000 },
          { name: 'metrics', port: 9464 },
        ],
        [{ addresses: ['10.0.0.7'], nodeName: 'n1' }],
      ),
      slice('other', [{ name: 'http', port: 3000 }], [{ addresses: ['10.0.0.8'] }]),
    ],
  })
  assert.deepEqual(data.routes, [
    { host: 'shop.test', path: '/', pathType: 'Prefix', backend: 'shop/web:80' },
  ])
  assert.deepEqual(data.backends.get('shop/web:80'), [
    {
      key: 'n1/10.0.0.7:3000',
      node: 'n1',
      podIP: '10.0.0.7',
      port: 3000,
      ready: true,
      serving: true,
      terminating: false,
    },
  ])
  assert.deepEqual(data.problems, [])
})

test('an unnamed service port finds the unnamed slice port', () => {
  const data = routeDataFrom({
    ingresses: [ingress('web', { number: 80 })],
    services: [service('web', [{ port: 80 }])],
    endpointSlices: [slice('web', [{ name: '', port: 8080 }], [{ addresses: ['10.0.0.7'] }])],
  })
  assert.equal(data.backends.get('shop/web:80')?.[0]?.port, 8080)
})

test('a missing service keeps its route, without endpoints, and is reported', () => {
  const data = routeDataFrom({
    ingresses: [ingress('gone', { name: 'http' })],
    services: [],
    endpointSlices: [],
  })
  assert.equal(data.routes.length, 1)
  assert.deepEqual(data.backends.get('shop/gone:http'), [])
  assert.match(data.problems[0] ?? '', /shop\/gone:http/)
})

test('the oldest Ingress comes first whatever the order of the objects', () => {
  const old = ingress('old', { number: 80 }, '2025-01-01T00:00:00Z')
  const young = ingress('young', { number: 80 })
  const data = routeDataFrom({ ingresses: [young, old], services: [], endpointSlices: [] })
  assert.deepEqual(
    data.routes.map((route) => route.backend),
    ['shop/old:80', 'shop/young:80'],
  )
})

test('a default backend is taken from the Ingress that names one', () => {
  const data = routeDataFrom({
    ingresses: [
      {
        metadata: { name: 'all', namespace: 'shop' },
        spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
      },
    ],
    services: [service('web', [{ port: 80 }])],
    endpointSlices: [],
  })
  assert.equal(data.defaultBackend, 'shop/web:80')
})

const conditionRows: {
  name: string
  conditions: NonNullable<SliceEndpoint['conditions']>[]
  used: number[]
}[] = [
  { name: 'only ready endpoints are used', conditions: [{ ready: true }, { ready: false }], used: [0] },
  { name: 'absent conditions mean ready', conditions: [{}, { ready: false }], used: [0] },
  {
    name: 'without a ready one those that terminate and still serve are used',
    conditions: [
      { ready: false, serving: true, terminating: true },
      { ready: false, serving: false, terminating: true },
    ],
    used: [0],
  },
  {
    name: 'an unready endpoint that does not terminate is never used',
    conditions: [{ ready: false, serving: true }],
    used: [],
  },
]
for (const row of conditionRows)
  test(row.name, () => {
    const endpoints = row.conditions.map((conditions, i) => ({ addresses: [`10.0.0.${i}`], conditions }))
    const data = routeDataFrom({
      ingresses: [ingress('web', { number: 80 })],
      services: [service('web', [{ port: 80 }])],
      endpointSlices: [slice('web', [{ port: 80 }], endpoints)],
    })
    const used = usableEndpoints(data.backends.get('shop/web:80') ?? []).map((endpoint) => endpoint.podIP)
    assert.deepEqual(
      used,
      row.used.map((i) => `10.0.0.${i}`),
    )
  })
