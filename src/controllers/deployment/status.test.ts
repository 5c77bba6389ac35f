import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeploymentStatus } from '../../api/schema/types.gen.ts'
import { deployment, nowMs, replicaSet, secondsAgo, type DeploymentFacts, type SetFacts } from '../fixture.ts'
import type { StatusInput } from './conditions.ts'
import { deploymentStatus, progressDeadlineAtMs } from './status.ts'

type Said = readonly [type: string, status: string, reason: string, message?: string]

interface Row {
  readonly name: string
  readonly deployment?: DeploymentFacts
  /** Conditions that are there, the status of each last changed a minute ago. */
  readonly before?: readonly Said[]
  readonly counts?: Partial<DeploymentStatus>
  readonly fresh?: SetFacts
  readonly old?: readonly SetFacts[]
  readonly phase?: StatusInput['phase']
  readonly isNew?: boolean
  /** Type, status, reason and (where the row is about it) message; in the order kubectl prints. */
  readonly says: readonly Said[]
}

const has: Said = ['Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.']
const hasNot: Said = [
  'Available',
  'False',
  'MinimumReplicasUnavailable',
  'Deployment does not have minimum availability.',
]
const created: Said = ['Progressing', 'True', 'NewReplicaSetCreated', 'Created new replica set "new"']
const updated: Said = ['Progressing', 'True', 'ReplicaSetUpdated', 'ReplicaSet "new" is progressing.']
const done: Said = [
  'Progressing',
  'True',
  'NewReplicaSetAvailable',
  'ReplicaSet "new" has successfully progressed.',
]
const late: Said = [
  'Progressing',
  'False',
  'ProgressDeadlineExceeded',
  'ReplicaSet "new" has timed out progressing.',
]
const paused: Said = ['Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused']
const resumed: Said = ['Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed']

const rows: readonly Row[] = [
  { name: 'a set was made', fresh: { replicas: 3, actual: 0 }, isNew: true, says: [created, hasNot] },
  {
    name: 'a set is found by a controller that did not make it',
    fresh: { replicas: 3, actual: 0 },
    says: [['Progressing', 'True', 'FoundNewReplicaSet', 'Found new replica set "new"'], hasNot],
  },
  {
    name: 'its pods appear',
    before: [created, hasNot],
    fresh: { replicas: 3, available: 0 },
    says: [hasNot, updated],
  },
  {
    name: 'nothing moved: what was said stays',
    before: [hasNot, updated],
    counts: { replicas: 3, updatedReplicas: 3 },
    fresh: { replicas: 3, available: 0 },
    says: [hasNot, updated],
  },
  { name: 'complete', before: [hasNot, updated], fresh: { replicas: 3 }, says: [has, done] },
  {
    name: 'no replicas wanted is complete',
    deployment: { replicas: 0 },
    before: [created],
    fresh: { replicas: 0 },
    says: [has, done],
  },
  {
    name: 'not complete while an old pod is there',
    before: [has, updated],
    counts: { replicas: 4, updatedReplicas: 3, readyReplicas: 4, availableReplicas: 4 },
    fresh: { replicas: 3 },
    old: [{ replicas: 0, actual: 1 }],
    says: [has, updated],
  },
  {
    name: 'a pod of a finished rollout goes down',
    before: [has, done],
    counts: { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 },
    fresh: { replicas: 3, available: 2 },
    says: [done, hasNot],
  },
  {
    name: 'within what may be missing it stays available',
    deployment: { unavailable: 1 },
    before: [has, done],
    fresh: { replicas: 3, available: 2 },
    says: [has, done],
  },
  {
    name: 'recreate allows none missing',
    deployment: { recreate: true },
    before: [has, done],
    fresh: { replicas: 3, available: 2 },
    says: [done, hasNot],
  },
  {
    name: 'a new rollout begins',
    before: [has, done],
    counts: { replicas: 3, availableReplicas: 3, readyReplicas: 3 },
    fresh: { replicas: 1, actual: 0 },
    old: [{ replicas: 3 }],
    isNew: true,
    says: [has, created],
  },
  {
    name: 'the deadline has passed',
    deployment: { deadline: 30 },
    before: [has, updated],
    counts: { replicas: 1, updatedReplicas: 1 },
    fresh: { replicas: 1, available: 0 },
    says: [hasNot, late],
  },
  {
    name: 'a late rollout stays late',
    deployment: { deadline: 30 },
    before: [hasNot, late],
    counts: { replicas: 1, updatedReplicas: 1 },
    fresh: { replicas: 1, available: 0 },
    says: [hasNot, late],
  },
  {
    name: 'a late rollout that moves after all',
    deployment: { deadline: 30 },
    before: [hasNot, late],
    counts: { replicas: 3, updatedReplicas: 3 },
    fresh: { replicas: 3, available: 1 },
    says: [hasNot, updated],
  },
  {
    name: 'a late rollout that completes after all',
    deployment: { deadline: 30 },
    before: [hasNot, late],
    fresh: { replicas: 3 },
    says: [has, done],
  },
  {
    name: 'no deadline: nothing is said of progress',
    deployment: { deadline: 2 ** 31 - 1 },
    before: [has, updated],
    fresh: { replicas: 3 },
    says: [has],
  },
  {
    name: 'paused',
    deployment: { paused: true },
    before: [has, done],
    fresh: { replicas: 3 },
    phase: 'held',
    says: [has, paused],
  },
  {
    name: 'pausing does not hide a failure',
    deployment: { paused: true },
    before: [hasNot, late],
    fresh: { replicas: 3, available: 0 },
    phase: 'held',
    says: [hasNot, late],
  },
  {
    name: 'resumed, with the rollout over',
    before: [has, paused],
    counts: { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 },
    fresh: { replicas: 3 },
    says: [has, done],
  },
  {
    name: 'resumed, with the rollout under way',
    before: [has, paused],
    counts: { replicas: 3, updatedReplicas: 1, availableReplicas: 3, readyReplicas: 3 },
    fresh: { replicas: 1, available: 1 },
    old: [{ replicas: 2 }],
    says: [has, resumed],
  },
  {
    name: 'being scaled: progress is not judged',
    before: [has, done],
    fresh: { replicas: 3, available: 3 },
    old: [{ replicas: 2 }],
    phase: 'held',
    says: [has, done],
  },
  {
    name: 'being deleted: numbers only',
    before: [has, done],
    fresh: { replicas: 3 },
    phase: 'ending',
    says: [has, done],
  },
  {
    name: 'a set that is refused its pods',
    before: [hasNot, updated],
    counts: { replicas: 0 },
    fresh: { replicas: 3, actual: 0, failure: 'quota' },
    says: [hasNot, updated, ['ReplicaFailure', 'True', 'FailedCreate', 'quota']],
  },
  {
    name: 'and no longer is',
    before: [hasNot, updated, ['ReplicaFailure', 'True', 'FailedCreate', 'quota']],
    fresh: { replicas: 3 },
    says: [has, done],
  },
]

function input(row: Row): StatusInput {
  const at = { lastUpdateTime: secondsAgo(60), lastTransitionTime: secondsAgo(60) }
  const conditions = (row.before ?? []).map(([type, status, reason, message = '']) => ({
    type,
    status,
    reason,
    message,
    ...at,
  }))
  const status = row.before || row.counts ? { conditions, ...row.counts } : undefined
  return {
    deployment: deployment({ ...row.deployment, ...(status && { status }) }),
    newSet: row.fresh && replicaSet('new', row.fresh),
    oldSets: (row.old ?? []).map((facts) => replicaSet('old', facts)),
    phase: row.phase ?? 'rolling',
    isNew: row.isNew ?? false,
    nowMs,
  }
}

for (const row of rows) {
  test(row.name, () => {
    const { conditions = [] } = deploymentStatus(input(row))
    assert.deepEqual(
      conditions.map(({ type, status, reason, message }) => [type, status, reason, message]),
      row.says,
    )
  })
}

test('numbers add up over all sets; what is nothing is left out', () => {
  const status = deploymentStatus({
    deployment: deployment({ replicas: 4 }),
    newSet: replicaSet('new', { replicas: 2, available: 1 }),
    oldSets: [replicaSet('old', { replicas: 3, available: 2 }), replicaSet('older', { replicas: 0 })],
    phase: 'rolling',
    isNew: false,
    nowMs,
  })
  const { conditions: _, ...numbers } = status
  assert.deepEqual(numbers, {
    observedGeneration: 1,
    replicas: 5,
    updatedReplicas: 2,
    readyReplicas: 3,
    availableReplicas: 3,
    unavailableReplicas: 2,
  })
})

test('a status computed again from itself is the same', () => {
  for (const row of rows) {
    const first = input(row)
    const status = deploymentStatus(first)
    const again = { ...first, isNew: false, deployment: { ...first.deployment, status } }
    assert.deepEqual(deploymentStatus(again), status, row.name)
  }
})

test('progress renews lastUpdateTime and keeps lastTransitionTime', () => {
  const moved = input({
    name: '',
    before: [has, updated],
    counts: { updatedReplicas: 1, replicas: 1 },
    fresh: { replicas: 3, actual: 2, available: 0 },
    says: [],
  })
  const progressing = deploymentStatus(moved).conditions?.find(({ type }) => type === 'Progressing')
  assert.deepEqual(
    [progressing?.lastUpdateTime, progressing?.lastTransitionTime],
    [secondsAgo(0), secondsAgo(60)],
  )
})

test('the deadline counts from the last progress, and only while a rollout is under way', () => {
  const at = (said: Said, facts: DeploymentFacts = {}) => {
    const [type, status, reason, message = ''] = said
    const conditions = [{ type, status, reason, message, lastUpdateTime: secondsAgo(60) }]
    return progressDeadlineAtMs(deployment({ deadline: 100, ...facts }), { conditions }) - nowMs
  }
  assert.equal(at(updated), 40_000)
  assert.equal(at(created), 40_000)
  for (const said of [done, late]) assert.equal(at(said), Infinity)
  assert.equal(at(updated, { paused: true }), Infinity)
  assert.equal(at(updated, { deadline: 2 ** 31 - 1 }), Infinity)
})
