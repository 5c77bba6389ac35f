import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment, ReplicaSet } from '../schema/types.gen.ts'
import { deployments } from './deployments.ts'
import { replicaSets } from './replicasets.ts'
import { createCases, updateCases, updated, type Change, type Row } from './rows.ts'

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'npm:json-server@0.17.4' }] },
}

const deployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } }, template },
}

const replicaSet: ReplicaSet = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } }, template },
}

/** What holds for both kinds. */
const common: readonly Row[] = [
  {
    name: 'a negative count',
    set: { 'spec.replicas': -1 },
    errors: ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  },
  {
    name: 'no selector',
    set: { 'spec.selector': undefined },
    errors: [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'an empty selector',
    set: { 'spec.selector': {} },
    errors: ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  },
  {
    name: 'a selector that is none',
    set: { 'spec.selector': { matchExpressions: [{ key: 'app', operator: 'Is', values: ['web'] }] } },
    errors: [
      'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Is","values":["web"]}]}: invalid label selector',
    ],
  },
  {
    name: 'labels that the selector misses, shown in order',
    set: { 'spec.template.metadata.labels': { b: '2', a: '1' } },
    errors: [
      'spec.template.metadata.labels: Invalid value: {"a":"1","b":"2"}: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'a template without metadata',
    set: { 'spec.template.metadata': undefined },
    errors: [
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'no container',
    set: { 'spec.template.spec.containers': [] },
    errors: ['spec.template.spec.containers: Required value'],
  },
  {
    name: 'pods that end',
    set: { 'spec.template.spec.restartPolicy': 'Never' },
    errors: ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  },
  {
    name: 'a deadline of its pods',
    set: { 'spec.template.spec.activeDeadlineSeconds': 1 },
    errors: [
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
    ],
  },
  {
    name: 'a template may want host ports that its pods will be given',
    set: {
      'spec.template.spec.hostNetwork': true,
      'spec.template.spec.containers.0.ports': [{ containerPort: 80 }],
    },
  },
]

const rolling = (update: object): Change => ({
  'spec.strategy': { type: 'RollingUpdate', rollingUpdate: update },
})
const path = 'spec.strategy.rollingUpdate'

for (const { name, found, expected } of createCases({ def: deployments, base: deployment }, [
  ...common,
  { name: 'percentages', set: rolling({ maxSurge: '0%', maxUnavailable: '100%' }) },
  {
    name: 'neither more nor fewer pods',
    set: rolling({ maxSurge: '0%', maxUnavailable: 0 }),
    errors: [`${path}.maxUnavailable: Invalid value: 0: may not be 0 when \`maxSurge\` is 0`],
  },
  {
    name: 'more than all unavailable',
    set: rolling({ maxUnavailable: '101%' }),
    errors: [`${path}.maxUnavailable: Invalid value: "101%": must not be greater than 100%`],
  },
  {
    name: 'a negative surge',
    set: rolling({ maxSurge: -1, maxUnavailable: 1 }),
    errors: [`${path}.maxSurge: Invalid value: -1: must be greater than or equal to 0`],
  },
  {
    name: 'text that is no percentage',
    set: rolling({ maxSurge: 'half', maxUnavailable: 1 }),
    errors: [
      `${path}.maxSurge: Invalid value: "half": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
    ],
  },
  {
    name: 'a rolling update of a deployment that recreates',
    set: { 'spec.strategy': { type: 'Recreate', rollingUpdate: {} } },
    errors: [`${path}: Forbidden: may not be specified when strategy \`type\` is 'Recreate'`],
  },
  {
    name: 'an unknown strategy',
    set: { 'spec.strategy': { type: 'BlueGreen' } },
    errors: [
      'spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
  },
  {
    name: 'a deadline before pods can be available',
    set: { 'spec.minReadySeconds': 600 },
    errors: ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds'],
  },
  { name: 'no history', set: { 'spec.revisionHistoryLimit': 0 } },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of createCases({ def: replicaSets, base: replicaSet }, common)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const immutableSelector: Row = {
  name: 'the selector stays',
  set: {
    'spec.selector': { matchLabels: { app: 'other' } },
    'spec.template.metadata.labels': { app: 'other' },
  },
  errors: ['spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable'],
}

for (const { name, found, expected } of updateCases({ def: deployments, base: deployment }, [
  immutableSelector,
  { name: 'the image may change', set: { 'spec.template.spec.containers.0.image': 'npm:a@2' } },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
for (const { name, found, expected } of updateCases({ def: replicaSets, base: replicaSet }, [
  immutableSelector,
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: deployments, base: { ...deployment, status: { collisionCount: 2 } }, subresource: 'status' },
  [
    {
      name: 'counts',
      set: { status: { replicas: 3, readyReplicas: 2, availableReplicas: 2, collisionCount: 2 } },
    },
    {
      name: 'more ready than there are',
      set: { status: { replicas: 1, readyReplicas: 2, collisionCount: 2 } },
      errors: ['status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas'],
    },
    {
      name: 'collisions don’t become fewer',
      set: { status: { collisionCount: 1 } },
      errors: ['status.collisionCount: Invalid value: 1: cannot be decremented'],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: replicaSets, base: replicaSet, subresource: 'status' },
  [
    {
      name: 'more available than ready',
      set: { status: { replicas: 3, readyReplicas: 1, availableReplicas: 2 } },
      errors: ['status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas'],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const generations = [
  { name: 'the same again', set: {}, generation: 1 },
  { name: 'a label', set: { 'metadata.labels': { a: 'b' } }, generation: 1 },
  { name: 'an annotation', set: { 'metadata.annotations': { a: 'b' } }, generation: 2 },
  { name: 'a count', set: { 'spec.replicas': 2 }, generation: 2 },
  { name: 'a status', set: { 'status.replicas': 2 }, generation: 1 },
]

for (const { name, set, generation } of generations) {
  test(`the generation of a Deployment after an update of ${name} is ${generation}`, () => {
    assert.equal(
      updated({ def: deployments, base: deployment }, { set }).object.metadata.generation,
      generation,
    )
  })
}

test('an annotation is no news to a ReplicaSet', () => {
  const { object } = updated(
    { def: replicaSets, base: replicaSet },
    { set: { 'metadata.annotations': { a: 'b' } } },
  )
  assert.equal(object.metadata.generation, 1)
})
