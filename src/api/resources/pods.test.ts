import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../schema/types.gen.ts'
import { pods } from './pods.ts'
import { created, updateCases, updated } from './rows.ts'

const base: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'web', image: 'npm:json-server@0.17.4' }] },
}

const onlyMutable =
  'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: '

for (const { name, found, expected } of updateCases(
  { def: pods, base: { ...base, spec: { ...base.spec, tolerations: [{ key: 'a', operator: 'Exists' }] } } },
  [
    { name: 'the image may change', set: { 'spec.containers.0.image': 'npm:json-server@0.17.5' } },
    { name: 'labels may change', set: { 'metadata.labels': { a: 'b' } } },
    {
      name: 'a toleration may be added',
      set: { 'spec.tolerations.1': { key: 'b', operator: 'Exists' } },
    },
    {
      name: 'a toleration stays',
      set: { 'spec.tolerations': [] },
      errors: [
        'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
      ],
    },
    { name: 'a deadline may be set', set: { 'spec.activeDeadlineSeconds': 5 } },
    {
      name: 'environment stays',
      set: { 'spec.containers.0.env': [{ name: 'A', value: 'b' }] },
      errors: [`${onlyMutable}spec.containers[0].env`],
    },
    {
      name: 'a pod is bound by its binding, not by an update',
      set: { 'spec.nodeName': 'n1' },
      errors: [`${onlyMutable}spec.nodeName`],
    },
    {
      name: 'the number of containers stays',
      set: { 'spec.containers.1': { name: 'b', image: 'b' } },
      errors: ['spec.containers: Forbidden: pod updates may not add or remove containers'],
    },
    {
      name: 'the grace period stays',
      set: { 'spec.terminationGracePeriodSeconds': 60 },
      errors: [`${onlyMutable}spec.terminationGracePeriodSeconds`],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const ended = {
  name: 'web',
  ready: false,
  restartCount: 0,
  image: '',
  imageID: '',
  state: { terminated: { exitCode: 0 } },
}

for (const { name, found, expected } of updateCases(
  {
    def: pods,
    base: { ...base, spec: { ...base.spec, restartPolicy: 'Never' }, status: { containerStatuses: [ended] } },
    subresource: 'status',
  },
  [
    { name: 'the phase may change', set: { 'status.phase': 'Running' } },
    {
      name: 'the class stays',
      set: { 'status.qosClass': 'Guaranteed' },
      errors: ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
    },
    {
      name: 'what ended for good stays ended',
      set: { 'status.containerStatuses.0.state': { running: {} } },
      errors: [
        'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
      ],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('limits of I/O are amounts of one or more in a second', () => {
  const problems = (value: string) =>
    (
      pods.validate?.(
        { ...base, metadata: { ...base.metadata, annotations: { 'sampan.dev/io-write-bytes': value } } },
        undefined,
        { nowMs: 0 } as never,
      ) ?? []
    ).flatMap(({ detail, field }) => (field.startsWith('metadata') ? [`${field}: ${detail}`] : []))
  assert.deepEqual(problems('10Mi'), [])
  for (const bad of ['0', '-1']) {
    const field = 'metadata.annotations[sampan.dev/io-write-bytes]'
    assert.deepEqual(problems(bad), [`${field}: must be one or more for each second`])
  }
  assert.match(problems('fast')[0] ?? '', /quantities must match/)
})

test('a negative grace period can be brought to one', () => {
  const odd = { ...base, spec: { ...base.spec, terminationGracePeriodSeconds: -5 } }
  const { errors } = updated({ def: pods, base: odd }, { set: { 'spec.terminationGracePeriodSeconds': 1 } })
  assert.deepEqual(errors, [])
})

test('a create drops the status that the client sent', () => {
  const pod = created(pods, base, { set: { status: { phase: 'Running', podIP: '1.2.3.4' } } })
  assert.deepEqual(pod.status, { phase: 'Pending', qosClass: 'BestEffort' })
})

test('an update of the pod leaves its status, one of its status leaves the spec', () => {
  const change = { set: { 'status.phase': 'Failed', 'spec.containers.0.image': 'other' } }
  const main = updated({ def: pods, base }, change).object
  assert.equal(main.status?.phase, 'Pending')
  assert.equal(main.spec.containers[0]?.image, 'other')
  assert.equal(main.metadata.generation, 2)
  const status = updated({ def: pods, base, subresource: 'status' }, change).object
  assert.equal(status.status?.phase, 'Failed')
  assert.equal(status.spec.containers[0]?.image, 'npm:json-server@0.17.4')
  assert.equal(status.metadata.generation, 1)
})

const qosRows = [
  { name: 'nothing asked', resources: {}, qos: 'BestEffort' },
  { name: 'something asked', resources: { requests: { cpu: '1' } }, qos: 'Burstable' },
  { name: 'only cpu limited', resources: { limits: { cpu: '1' } }, qos: 'Burstable' },
  { name: 'limits are requests', resources: { limits: { cpu: '1', memory: '1Gi' } }, qos: 'Guaranteed' },
  {
    name: 'equal in other words',
    resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } },
    qos: 'Guaranteed',
  },
  {
    name: 'less asked than allowed',
    resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
    qos: 'Burstable',
  },
  { name: 'other resources don’t count', resources: { limits: { 'a.b/c': '1' } }, qos: 'BestEffort' },
] as const

for (const { name, resources: value, qos } of qosRows) {
  test(`quality of service: ${name}`, () => {
    const pod = created(pods, base, { set: { 'spec.containers.0.resources': structuredClone(value) } })
    assert.equal(pod.status?.qosClass, qos)
  })
}

const graceRows = [
  { name: 'a pod that no node runs goes at once', set: {}, seconds: 0 },
  { name: 'a bound pod has its grace', set: { 'spec.nodeName': 'n' }, seconds: 30 },
  {
    name: 'a finished pod goes at once',
    set: { 'spec.nodeName': 'n', 'status.phase': 'Failed' },
    seconds: 0,
  },
  {
    name: 'a negative grace is one second',
    set: { 'spec.nodeName': 'n', 'spec.terminationGracePeriodSeconds': -1 },
    seconds: 1,
  },
]

for (const { name, set, seconds } of graceRows) {
  test(`grace: ${name}`, () => {
    const pod = created(pods, base, { set })
    if ('status.phase' in set) pod.status = { phase: set['status.phase'] ?? '' }
    assert.equal(pods.gracePeriodSeconds?.(pod), seconds)
  })
}
