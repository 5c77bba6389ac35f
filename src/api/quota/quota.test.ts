import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatQuantity } from '../quantity.ts'
import type { LimitRangeItem, PersistentVolumeClaim, Pod, PodSpec, Service } from '../schema/types.gen.ts'
import { claimLimitProblems, podLimitProblems } from './limit-ranges.ts'
import { podAmounts, type Amounts } from './pod-amounts.ts'
import { chargeOf, giveBack, growth, take, unspecified } from './quota.ts'
import { usageOf } from './usage.ts'

const pod = (spec: Partial<PodSpec>, phase?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [], ...spec },
  ...(phase !== undefined && { status: { phase } }),
})
const box = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  name,
  resources: { requests, limits },
})
const texts = (amounts: Amounts) =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, formatQuantity(amount)]))
const podKind = { group: '', plural: 'pods' }

const amounts: Readonly<Record<string, readonly [spec: Partial<PodSpec>, requests: object]>> = {
  'containers together': [
    { containers: [box('a', { cpu: '1' }), box('b', { cpu: '500m' })] },
    { cpu: '1500m' },
  ],
  'the largest init container, if it is more': [
    {
      containers: [box('a', { cpu: '1' })],
      initContainers: [box('i', { cpu: '3' }), box('j', { cpu: '2' })],
    },
    { cpu: '3' },
  ],
  'a sidecar runs beside init and main containers': [
    {
      containers: [box('a', { cpu: '1' })],
      initContainers: [{ ...box('s', { cpu: '1' }), restartPolicy: 'Always' }, box('i', { cpu: '2' })],
    },
    { cpu: '3' },
  ],
  overhead: [
    { containers: [box('a', { cpu: '1' })], overhead: { cpu: '100m', memory: '1Mi' } },
    { cpu: '1100m', memory: '1Mi' },
  ],
  'what is no quantity counts as nothing': [{ containers: [box('a', { cpu: 'many' })] }, {}],
}
for (const [name, [spec, requests]] of Object.entries(amounts))
  test(`requests of a pod: ${name}`, () =>
    assert.deepEqual(texts(podAmounts(pod(spec), 'requests')), requests))

const service = (spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {},
  spec,
})
const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {},
  spec: { storageClassName: 'fast', resources: { requests: { storage: '5Gi' } } },
}
test('what one object takes of a quota', () => {
  const running = pod({ containers: [box('a', { cpu: '1', 'example.com/gpu': '2' }, { memory: '1Gi' })] })
  assert.deepEqual(texts(usageOf(podKind, running)), {
    'count/pods': '1',
    pods: '1',
    'requests.cpu': '1',
    cpu: '1',
    'requests.example.com/gpu': '2',
    'limits.memory': '1Gi',
  })
  assert.deepEqual(texts(usageOf(podKind, pod({}, 'Succeeded'))), { 'count/pods': '1' })
  const balanced = service({ type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2 }] })
  assert.deepEqual(texts(usageOf({ group: '', plural: 'services' }, balanced)), {
    'count/services': '1',
    services: '1',
    'services.loadbalancers': '1',
    'services.nodeports': '2',
  })
  assert.deepEqual(texts(usageOf({ group: '', plural: 'persistentvolumeclaims' }, claim)), {
    'count/persistentvolumeclaims': '1',
    persistentvolumeclaims: '1',
    'requests.storage': '5Gi',
    'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
    'fast.storageclass.storage.k8s.io/requests.storage': '5Gi',
  })
  const other = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} }
  assert.deepEqual(texts(usageOf({ group: 'apps', plural: 'deployments' }, other)), {
    'count/deployments.apps': '1',
  })
})

const scopes: readonly (readonly [scopes: string[], spec: Partial<PodSpec>, counts: boolean])[] = [
  [['Terminating'], { activeDeadlineSeconds: 5 }, true],
  [['Terminating'], {}, false],
  [['NotTerminating'], {}, true],
  [['BestEffort'], { containers: [box('a', {})] }, true],
  [['BestEffort'], { containers: [box('a', { cpu: '1' })] }, false],
  [['NotBestEffort', 'NotTerminating'], { containers: [box('a', { cpu: '1' })] }, true],
  [['PriorityClass'], { priorityClassName: 'high' }, true],
  [['PriorityClass'], {}, false],
]
for (const [names, spec, counts] of scopes)
  test(`scope ${names.join(' and ')} ${counts ? 'counts' : 'leaves out'} ${JSON.stringify(spec)}`, () => {
    const charge = chargeOf({ hard: { pods: '1' }, scopes: names }, podKind, pod(spec))
    assert.deepEqual(texts(charge), counts ? { pods: '1' } : {})
  })

test('a quota is taken, refused with all that is too much, and given back', () => {
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q' },
    spec: { hard: { pods: '2', 'requests.cpu': '1' } },
    status: { used: { pods: '1', 'requests.cpu': '900m' } },
  }
  const charge = (cpu: string) => chargeOf(quota.spec, podKind, pod({ containers: [box('a', { cpu })] }))
  assert.deepEqual(take(quota, charge('100m')), { used: { pods: '2', 'requests.cpu': '1' } })
  assert.deepEqual(take(quota, charge('200m')), {
    why: 'exceeded quota: q, requested: requests.cpu=200m, used: requests.cpu=900m, limited: requests.cpu=1',
  })
  assert.deepEqual(giveBack(quota.status.used, charge('100m')), { pods: '0', 'requests.cpu': '800m' })
  assert.deepEqual(texts(growth(charge('300m'), charge('100m'))), { 'requests.cpu': '200m' })
  assert.deepEqual(growth(charge('100m'), charge('300m')), {})
})

test('a quota on amounts needs containers that name them', () => {
  const spec = { hard: { 'limits.cpu': '1', memory: '1Gi', pods: '3' } }
  const silent = pod({ containers: [box('a', { memory: '1Mi' }), box('b', {})] })
  assert.equal(unspecified(spec, silent), 'must specify limits.cpu for: a,b; memory for: b')
  assert.equal(unspecified({ hard: { pods: '3' } }, silent), undefined)
})

const limits: readonly (readonly [item: LimitRangeItem, spec: Partial<PodSpec>, says: string[]])[] = [
  [
    { type: 'Container', min: { cpu: '1' } },
    { containers: [box('a', {})] },
    ['minimum cpu usage per Container is 1.  No request is specified'],
  ],
  [
    { type: 'Container', min: { cpu: '1' } },
    { containers: [box('a', { cpu: '500m' })] },
    ['minimum cpu usage per Container is 1, but request is 500m'],
  ],
  [
    { type: 'Container', max: { cpu: '1' } },
    { containers: [box('a', { cpu: '1' })] },
    ['maximum cpu usage per Container is 1.  No limit is specified'],
  ],
  [
    { type: 'Container', max: { cpu: '1' } },
    { initContainers: [box('a', {}, { cpu: '2' })] },
    ['maximum cpu usage per Container is 1, but limit is 2'],
  ],
  [
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
    { containers: [box('a', { cpu: '1' }, { cpu: '3' })] },
    ['cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000'],
  ],
  [
    { type: 'Container', maxLimitRequestRatio: { cpu: '3' } },
    { containers: [box('a', { cpu: '1' }, { cpu: '3' })] },
    [],
  ],
  [
    { type: 'Pod', max: { cpu: '1' } },
    { containers: [box('a', {}, { cpu: '1' }), box('b', {}, { cpu: '1' })] },
    ['maximum cpu usage per Pod is 1, but limit is 2'],
  ],
]
for (const [item, spec, says] of limits)
  test(`limits: ${says[0] ?? 'a ratio that is just right'}`, () => {
    const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: {}, spec: { limits: [item] } }
    assert.deepEqual(podLimitProblems(pod(spec), range), says)
  })

test('limits: a claim that asks for too much', () => {
  const item = { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }
  const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: {}, spec: { limits: [item] } }
  const says = 'maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 5Gi'
  assert.deepEqual(claimLimitProblems(claim, range), [says])
})
