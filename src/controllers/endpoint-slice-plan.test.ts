import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Pod, Service } from '../api/schema/types.gen.ts'
import { planSlices, sliceEndpointsMax } from './endpoint-slice-plan.ts'
import { pod, type PodFacts } from './fixture.ts'

const service = (spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'web', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
})

let next = 1
function serving(
  name: string,
  { port = 8080, ip = `10.64.0.${next++}`, ...facts }: PodFacts & { port?: number; ip?: string } = {},
): Pod {
  const made = pod(name, { readyFor: 10, node: 'n', ...facts })
  const containers = [{ name: 'main', ports: [{ name: 'http', containerPort: port }] }]
  return { ...made, spec: { ...made.spec, containers }, status: { ...made.status, ...(ip && { podIP: ip }) } }
}

/** As the server would keep them. */
const kept = (slices: readonly EndpointSlice[]): EndpointSlice[] =>
  slices.map((slice, i) => ({
    ...slice,
    metadata: { ...slice.metadata, name: slice.metadata.name ?? `slice-${i}` },
  }))

const conditions = [
  {
    name: 'ready',
    facts: { readyFor: 1 },
    publish: false,
    says: { ready: true, serving: true, terminating: false },
  },
  {
    name: 'not ready',
    facts: { readyFor: undefined },
    publish: false,
    says: { ready: false, serving: false, terminating: false },
  },
  {
    name: 'going, still serving',
    facts: { terminating: true },
    publish: false,
    says: { ready: false, serving: true, terminating: true },
  },
  {
    name: 'not ready, published all the same',
    facts: { readyFor: undefined },
    publish: true,
    says: { ready: true, serving: false, terminating: false },
  },
  {
    name: 'going, published all the same',
    facts: { terminating: true },
    publish: true,
    says: { ready: true, serving: true, terminating: true },
  },
] as const
for (const { name, facts, publish, says } of conditions) {
  test(`an endpoint: ${name}`, () => {
    const { readyFor, ...rest } = { readyFor: 10, ...facts } as PodFacts
    const made = pod('p', { ...rest, ...(readyFor !== undefined && { readyFor }) })
    const { create } = planSlices(
      service({ publishNotReadyAddresses: publish }),
      [{ ...made, status: { ...made.status, podIP: '10.0.0.1' } }],
      [],
    )
    assert.deepEqual(create[0]?.endpoints?.[0]?.conditions, says)
  })
}

test('a slice names its service, its pods and their node', () => {
  const { create } = planSlices(service(), [serving('p', { ip: '10.64.0.9' })], [])
  assert.equal(create.length, 1)
  assert.deepEqual(create[0]?.metadata.labels, {
    team: 'a',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  })
  assert.deepEqual(create[0]?.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }])
  assert.deepEqual(create[0]?.endpoints?.[0]?.targetRef, {
    kind: 'Pod',
    namespace: 'default',
    name: 'p',
    uid: 'p',
  })
  assert.equal(create[0]?.endpoints?.[0]?.nodeName, 'n')
})

test('a headless service is marked', () => {
  const [slice] = planSlices(service({ clusterIP: 'None' }), [], []).create
  assert.equal(slice?.metadata.labels?.['service.kubernetes.io/headless'], '')
})

const ports = [
  { name: 'a number', port: { port: 80, targetPort: 3000 }, is: 3000 },
  { name: 'none: the service’s own', port: { port: 80 }, is: 80 },
  { name: 'a name', port: { port: 80, targetPort: 'http' }, is: 8080 },
  { name: 'an unknown name', port: { port: 80, targetPort: 'grpc' }, is: undefined },
  {
    name: 'a name of another protocol',
    port: { port: 80, targetPort: 'http', protocol: 'UDP' },
    is: undefined,
  },
]
for (const { name, port, is } of ports) {
  test(`target port: ${name}`, () => {
    const [slice] = planSlices(service({ ports: [port] }), [serving('p')], []).create
    assert.equal(slice?.ports?.[0]?.port, is)
  })
}

test('no pods: one empty slice; a pod without an address, or finished, is no endpoint', () => {
  const pods = [
    serving('a', { ip: '' }),
    serving('b', { phase: 'Succeeded' }),
    serving('c', { phase: 'Failed' }),
  ]
  for (const selected of [[], pods])
    assert.deepEqual(
      planSlices(service(), selected, []).create.map(({ endpoints }) => endpoints),
      [[]],
    )
})

test('pods that name a port differently are in slices of their own', () => {
  const { create } = planSlices(service(), [serving('a'), serving('b', { port: 9090 }), serving('c')], [])
  assert.deepEqual(
    create.map(({ ports, endpoints }) => [
      ports?.[0]?.port,
      endpoints?.map(({ targetRef }) => targetRef?.name),
    ]),
    [
      [8080, ['a', 'c']],
      [9090, ['b']],
    ],
  )
})

test('what is as it should be is not written again', () => {
  const pods = [serving('a'), serving('b', { port: 9090 })]
  const existing = kept(planSlices(service(), pods, []).create)
  assert.deepEqual(planSlices(service(), pods, existing.toReversed()), { create: [], update: [], remove: [] })
})

test('a change of one pod rewrites its slice only, and nobody moves', () => {
  const pods = Array.from({ length: 250 }, (_, i) => serving(`p${String(i).padStart(3, '0')}`))
  const existing = kept(planSlices(service(), pods, []).create)
  assert.deepEqual(
    existing.map(({ endpoints }) => endpoints?.length),
    [sliceEndpointsMax, sliceEndpointsMax, 50],
  )
  const { create, update, remove } = planSlices(service(), pods.slice(1), existing)
  assert.deepEqual([create.length, update.length, remove.length], [0, 1, 0])
  assert.equal(update[0]?.metadata.name, existing[0]?.metadata.name)
  const grown = planSlices(service(), [serving('a'), ...pods], existing)
  assert.deepEqual([grown.create.length, grown.update.length], [0, 1])
  assert.equal(grown.update[0]?.endpoints?.length, 51)
})

test('a slice whose pods are gone is filled anew or removed, never left', () => {
  const existing = kept(planSlices(service(), [serving('a'), serving('b', { port: 9090 })], []).create)
  const after = planSlices(service(), [serving('a'), serving('c')], existing)
  assert.deepEqual([after.create.length, after.remove.length], [0, 1])
  assert.deepEqual(
    after.update.map(({ endpoints }) => endpoints?.length),
    [2],
  )
  const moved = planSlices(service(), [serving('d', { port: 7070 })], existing)
  assert.deepEqual([moved.create.length, moved.update.length, moved.remove.length], [0, 1, 1])
})
