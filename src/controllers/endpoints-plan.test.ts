import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Endpoints, Pod, Service } from '../api/schema/types.gen.ts'
import { addressesMax, planEndpoints } from './endpoints-plan.ts'
import { pod, type PodFacts } from './fixture.ts'

const service = (spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'web', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
})

const serving = (
  name: string,
  ip: string,
  { port = 8080, isReady = true, ...facts }: PodFacts & { port?: number; isReady?: boolean } = {},
): Pod => {
  const made = pod(name, { ...(isReady && { readyFor: 10 }), node: 'n', ...facts })
  const containers = [{ name: 'main', ports: [{ name: 'http', containerPort: port }] }]
  return { ...made, spec: { ...made.spec, containers }, status: { ...made.status, podIP: ip } }
}

const address = (name: string, ip: string) => ({
  ip,
  nodeName: 'n',
  targetRef: { kind: 'Pod', namespace: 'default', name, uid: name },
})
const ports = [{ name: 'http', protocol: 'TCP', port: 8080 }]

test('addresses that are ready and those that are not, under the ports of their pods', () => {
  const selected = [
    serving('b', '10.64.0.2'),
    serving('a', '10.64.0.1'),
    serving('later', '10.64.0.3', { isReady: false }),
    serving('other', '10.64.0.4', { port: 9090 }),
    serving('going', '10.64.0.5', { terminating: true }),
    serving('done', '10.64.0.6', { phase: 'Succeeded' }),
  ]
  const plan = planEndpoints(service(), selected, undefined)
  assert.deepEqual(plan, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'web',
      namespace: 'default',
      labels: { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
      annotations: {},
    },
    subsets: [
      {
        addresses: [address('a', '10.64.0.1'), address('b', '10.64.0.2')],
        notReadyAddresses: [address('later', '10.64.0.3')],
        ports,
      },
      { addresses: [address('other', '10.64.0.4')], ports: [{ name: 'http', protocol: 'TCP', port: 9090 }] },
    ],
  })
})

test('publishNotReadyAddresses makes them all ready; a headless service needs no ports', () => {
  const plan = planEndpoints(
    service({ clusterIP: 'None', ports: [], publishNotReadyAddresses: true }),
    [serving('a', '10.64.0.1', { isReady: false }), serving('b', '10.64.0.2', { terminating: true })],
    undefined,
  )
  assert.deepEqual(plan?.subsets, [{ addresses: [address('a', '10.64.0.1'), address('b', '10.64.0.2')] }])
  assert.equal(plan?.metadata.labels?.['service.kubernetes.io/headless'], '')
})

test('a service without pods has Endpoints without subsets; a pod without its port is in none', () => {
  assert.deepEqual(planEndpoints(service(), [], undefined)?.subsets, [])
  const named = service({ ports: [{ name: 'x', port: 1, targetPort: 'nobody' }] })
  assert.deepEqual(planEndpoints(named, [serving('a', '10.64.0.1')], undefined)?.subsets, [])
})

test('what is as it should be is left alone, whatever else others have written into it', () => {
  const selected = [serving('a', '10.64.0.1')]
  const plan = planEndpoints(service(), selected, undefined)
  assert.ok(plan)
  const kept: Endpoints = {
    ...plan,
    metadata: { ...plan.metadata, uid: 'u', resourceVersion: '7', annotations: { mine: 'yes' } },
  }
  assert.equal(planEndpoints(service(), selected, kept), undefined)
  const changed = planEndpoints(service(), [], kept)
  assert.deepEqual(
    [changed?.metadata.resourceVersion, changed?.metadata.annotations, changed?.subsets],
    ['7', { mine: 'yes' }, []],
  )
})

test('more addresses than one object can hold are cut, and the object says so', () => {
  const many = Array.from({ length: addressesMax + 1 }, (_, n) =>
    serving(
      `p-${String(n).padStart(4, '0')}`,
      `10.64.${n >> 8}.${n & 255}`,
      n === 0 ? { isReady: false } : {},
    ),
  )
  const plan = planEndpoints(service(), many, undefined)
  const [subset] = plan?.subsets ?? []
  assert.deepEqual([subset?.addresses?.length, subset?.notReadyAddresses], [addressesMax, undefined])
  assert.equal(plan?.metadata.annotations?.['endpoints.kubernetes.io/over-capacity'], 'truncated')
  const [first] = many.slice(1)
  assert.ok(first && plan)
  const fewer = planEndpoints(service(), [first], plan)
  assert.deepEqual(fewer?.metadata.annotations, {})
})
