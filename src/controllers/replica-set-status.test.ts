import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nowMs, pod, replicaSet, secondsAgo } from './fixture.ts'
import { replicaSetStatus } from './replica-set-status.ts'

const set = replicaSet('s', { replicas: 3 })
const labels = { app: 'web', 'pod-template-hash': 's' }

test('pods are counted by what they are', () => {
  const owned = [
    pod('ready', { labels, readyFor: 10 }),
    pod('unready', { labels }),
    pod('relabeled', { labels: { app: 'web' }, readyFor: 10 }),
    pod('failed', { labels, phase: 'Failed' }),
    pod('going', { labels, readyFor: 10, terminating: true }),
  ]
  assert.deepEqual(replicaSetStatus(set, owned, { nowMs, failure: undefined }), {
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    terminatingReplicas: 1,
    observedGeneration: 1,
  })
})

test('a pod is available minReadySeconds after it became ready', () => {
  const patient = { ...set, spec: { ...set.spec, minReadySeconds: 30 } }
  const owned = [pod('a', { readyFor: 29 }), pod('b', { readyFor: 30 })]
  assert.equal(replicaSetStatus(patient, owned, { nowMs, failure: undefined }).availableReplicas, 1)
})

test('the first refusal is told until pods can be made again', () => {
  const failure = (message: string) => ({ reason: 'FailedCreate', error: new Error(message) }) as const
  const status = replicaSetStatus(set, [], { nowMs, failure: failure('quota for a') })
  assert.deepEqual(status.conditions, [
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'quota for a',
      lastTransitionTime: secondsAgo(0),
    },
  ])
  assert.deepEqual(
    replicaSetStatus({ ...set, status }, [], { nowMs: nowMs + 5_000, failure: failure('quota for b') }),
    status,
  )
  assert.equal(replicaSetStatus({ ...set, status }, [], { nowMs, failure: undefined }).conditions, undefined)
})
