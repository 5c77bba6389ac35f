import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControllerRevision, DaemonSet, StatefulSet } from '../schema/types.gen.ts'
import { controllerRevisions } from './controllerrevisions.ts'
import { daemonSets } from './daemonsets.ts'
import { createCases, updateCases, updated } from './rows.ts'
import { statefulSets } from './statefulsets.ts'

const template = {
  metadata: { labels: { app: 'db' } },
  spec: { containers: [{ name: 'db', image: 'npm:json-server@0.17.4' }] },
}
const metadata = { name: 'db', namespace: 'default' }
const selector = { matchLabels: { app: 'db' } }
const claim = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
}

const statefulSet: StatefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata,
  spec: { selector, template, serviceName: 'db' },
}
const daemonSet: DaemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata,
  spec: { selector, template },
}

const mismatch =
  'spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`'

for (const { name, found, expected } of createCases({ def: statefulSets, base: statefulSet }, [
  {
    name: 'mounts of its claims',
    set: {
      'spec.volumeClaimTemplates': [claim],
      'spec.template.spec.containers.0.volumeMounts': [{ name: 'data', mountPath: '/data' }],
    },
  },
  {
    name: 'a mount of nothing',
    set: { 'spec.template.spec.containers.0.volumeMounts': [{ name: 'data', mountPath: '/data' }] },
    errors: ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'],
  },
  {
    name: 'a claim that says nothing',
    set: { 'spec.volumeClaimTemplates': [{ metadata: { name: 'data' } }] },
    errors: [
      'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
      'spec.volumeClaimTemplates[0].spec.resources[storage]: Required value',
    ],
  },
  { name: 'names that its controller gives', set: { 'spec.template.spec.hostname': 'Not A Name' } },
  {
    name: 'words that mean nothing',
    set: {
      'spec.podManagementPolicy': 'Random',
      'spec.updateStrategy': { type: 'Slowly' },
      'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'Burn' },
      'spec.serviceName': 'a.b',
    },
    errors: [
      `spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`,
      `spec.updateStrategy: Invalid value: {"Type":"Slowly","RollingUpdate":null}: must be 'RollingUpdate' or 'OnDelete'`,
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Burn": supported values: "Retain", "Delete"',
      'spec.serviceName: Invalid value: "a.b": must not contain dots',
    ],
  },
  {
    name: 'negative numbers',
    set: { 'spec.replicas': -1, 'spec.ordinals': { start: -1 }, 'spec.minReadySeconds': -1 },
    errors: [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0',
    ],
  },
  {
    name: 'an update of no pods at a time',
    set: { 'spec.updateStrategy': { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '0%' } } },
    errors: ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0'],
  },
  {
    name: 'a rolling update that waits for deletion',
    set: { 'spec.updateStrategy': { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
    errors: [
      `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'`,
    ],
  },
  { name: 'other labels', set: { 'spec.template.metadata.labels': { app: 'other' } }, errors: [mismatch] },
  {
    name: 'an empty selector',
    set: { 'spec.selector': {} },
    errors: ['spec.selector: Invalid value: {}: empty selector is invalid for statefulset'],
  },
  {
    name: 'pods that end',
    set: { 'spec.template.spec.restartPolicy': 'Never', 'spec.template.spec.activeDeadlineSeconds': 5 },
    errors: [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const unchangeable =
  "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

for (const { name, found, expected } of updateCases({ def: statefulSets, base: statefulSet }, [
  {
    name: 'what may change',
    set: {
      'spec.replicas': 5,
      'spec.ordinals': { start: 1 },
      'spec.minReadySeconds': 1,
      'spec.template.spec.containers.0.image': 'npm:json-server@1.0.0',
      'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'Delete' },
    },
  },
  { name: 'another service', set: { 'spec.serviceName': 'other' }, errors: [unchangeable] },
  { name: 'other claims', set: { 'spec.volumeClaimTemplates': [claim] }, errors: [unchangeable] },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  {
    def: statefulSets,
    base: { ...statefulSet, status: { replicas: 2, collisionCount: 3 } },
    subresource: 'status',
  },
  [
    {
      name: 'more ready than there are, more available than ready',
      set: { 'status.readyReplicas': 3, 'status.availableReplicas': 4 },
      errors: [
        'status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 4: cannot be greater than status.readyReplicas',
      ],
    },
    {
      name: 'fewer collisions',
      set: { 'status.collisionCount': 2 },
      errors: ['status.collisionCount: Invalid value: 2: cannot be decremented'],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const rolling = (update: object) => ({
  'spec.updateStrategy': { type: 'RollingUpdate', rollingUpdate: update },
})
const update = 'spec.updateStrategy.rollingUpdate'

for (const { name, found, expected } of createCases({ def: daemonSets, base: daemonSet }, [
  { name: 'surge instead of absence', set: rolling({ maxSurge: '10%', maxUnavailable: 0 }) },
  {
    name: 'neither surge nor absence',
    set: rolling({ maxUnavailable: 0 }),
    errors: [`${update}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`],
  },
  {
    name: 'both, and too much of it',
    set: rolling({ maxSurge: '200%', maxUnavailable: 1 }),
    errors: [
      `${update}.maxSurge: Invalid value: "200%": must not be greater than 100%`,
      `${update}.maxSurge: Invalid value: "200%": may not be set when maxUnavailable is non-zero`,
    ],
  },
  {
    name: 'an unknown strategy',
    set: { 'spec.updateStrategy': { type: 'Slowly' } },
    errors: [
      'spec.updateStrategy: Unsupported value: {"Type":"Slowly","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
  },
  { name: 'other labels', set: { 'spec.template.metadata.labels': { app: 'other' } }, errors: [mismatch] },
  {
    name: 'an empty selector',
    set: { 'spec.selector': {} },
    errors: ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('a DaemonSet counts changes of its template in an annotation that no request can write', () => {
  const generationOf = (set: Record<string, unknown>, subresource?: string) => {
    const subject = { def: daemonSets, base: daemonSet, ...(subresource !== undefined && { subresource }) }
    const { annotations, generation } = updated(subject, { set }).object.metadata
    return [annotations?.['deprecated.daemonset.template.generation'], generation]
  }
  assert.deepEqual(generationOf({ 'spec.template.spec.containers.0.image': 'busybox:2' }), ['2', 2])
  assert.deepEqual(generationOf({ 'spec.minReadySeconds': 3 }), ['1', 2])
  assert.deepEqual(generationOf({ 'metadata.annotations': {} }), ['1', 1])
  assert.deepEqual(generationOf({ 'status.numberReady': 3, 'metadata.annotations': {} }, 'status'), ['1', 1])
})

const revision: ControllerRevision = {
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata,
  revision: 1,
  data: { spec: {} },
}

for (const { name, found, expected } of createCases({ def: controllerRevisions, base: revision }, [
  { name: 'no data', set: { data: undefined }, errors: ['data: Required value: data is mandatory'] },
  { name: 'text', set: { data: 'x' }, errors: ['data: Required value: data must be a valid JSON object'] },
  {
    name: 'a negative number',
    set: { revision: -1 },
    errors: ['revision: Invalid value: -1: must be greater than or equal to 0'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: controllerRevisions, base: revision }, [
  { name: 'another number', set: { revision: 2 } },
  { name: 'other data', set: { data: {} }, errors: ['data: Invalid value: {}: field is immutable'] },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
