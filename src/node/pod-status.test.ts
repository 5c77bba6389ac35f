import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerState, Pod, PodStatus } from '../api/schema/types.gen.ts'
import { podStatus, statusPatch, type ContainerView } from './pod-status.ts'

const nowIso = '2026-01-01T00:00:10Z'
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', uid: 'u', generation: 1 },
  spec: { containers: [{ name: 'c', image: 'npm:x@1' }], restartPolicy: 'Always' },
}
const running: ContainerState = { running: { startedAt: nowIso } }
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } })
const crashLoop: ContainerState = { waiting: { reason: 'CrashLoopBackOff' } }

const view = (name: string, state: ContainerState, change: Partial<ContainerView> = {}): ContainerView => ({
  name,
  state,
  restartCount: 0,
  started: state.running !== undefined,
  ready: state.running !== undefined,
  ...change,
})
const statusOf = (subject: Pod, ...views: ContainerView[]): PodStatus =>
  podStatus({
    pod: subject,
    views: new Map(views.map((v) => [v.name, v])),
    startTime: '2026-01-01T00:00:00Z',
    hostIP: '192.0.2.1',
    podIP: '10.64.0.5',
    nowIso,
  })
const with_ = (spec: Partial<Pod['spec']>, meta: Partial<Pod['metadata']> = {}): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, ...meta },
  spec: { ...pod.spec, ...spec },
})
const two = { containers: [{ name: 'c' }, { name: 'd' }] }
const init = { initContainers: [{ name: 'i' }] }
const deleted = { deletionTimestamp: nowIso }

interface Row {
  readonly name: string
  readonly status: PodStatus
  readonly phase: string
  /** Conditions that are True. */
  readonly conditions: string
}
const rows: Row[] = [
  { name: 'nothing started', status: statusOf(pod), phase: 'Pending', conditions: 'Initialized' },
  {
    name: 'running and ready',
    status: statusOf(pod, view('c', running)),
    phase: 'Running',
    conditions: 'Initialized Ready ContainersReady',
  },
  {
    name: 'running, not ready',
    status: statusOf(pod, view('c', running, { ready: false })),
    phase: 'Running',
    conditions: 'Initialized',
  },
  {
    name: 'one of two not started',
    status: statusOf(with_(two), view('c', running)),
    phase: 'Pending',
    conditions: 'Initialized',
  },
  {
    name: 'crash loop',
    status: statusOf(pod, view('c', crashLoop, { lastState: ended(1) })),
    phase: 'Running',
    conditions: 'Initialized',
  },
  {
    name: 'pull fails',
    status: statusOf(pod, view('c', { waiting: { reason: 'ErrImagePull' } })),
    phase: 'Pending',
    conditions: 'Initialized',
  },
  {
    name: 'Always: ended, to be restarted',
    status: statusOf(pod, view('c', ended(0))),
    phase: 'Running',
    conditions: 'Initialized',
  },
  {
    name: 'Never: success',
    status: statusOf(with_({ restartPolicy: 'Never' }), view('c', ended(0))),
    phase: 'Succeeded',
    conditions: 'Initialized',
  },
  {
    name: 'Never: failure',
    status: statusOf(with_({ restartPolicy: 'Never' }), view('c', ended(3))),
    phase: 'Failed',
    conditions: 'Initialized',
  },
  {
    name: 'OnFailure: failure is tried again',
    status: statusOf(with_({ restartPolicy: 'OnFailure' }), view('c', ended(3))),
    phase: 'Running',
    conditions: 'Initialized',
  },
  {
    name: 'OnFailure: success',
    status: statusOf(with_({ restartPolicy: 'OnFailure' }), view('c', ended(0))),
    phase: 'Succeeded',
    conditions: 'Initialized',
  },
  {
    name: 'Never: one failed, one runs',
    status: statusOf(with_({ ...two, restartPolicy: 'Never' }), view('c', ended(3)), view('d', running)),
    phase: 'Running',
    conditions: 'Initialized',
  },
  {
    name: 'init container runs',
    status: statusOf(with_(init), view('i', running)),
    phase: 'Pending',
    conditions: '',
  },
  {
    name: 'init container failed, tried again',
    status: statusOf(with_(init), view('i', ended(1))),
    phase: 'Pending',
    conditions: '',
  },
  {
    name: 'init container failed under Never',
    status: statusOf(with_({ ...init, restartPolicy: 'Never' }), view('i', ended(1))),
    phase: 'Failed',
    conditions: '',
  },
  {
    name: 'init through, container runs',
    status: statusOf(with_(init), view('i', ended(0), { ready: true }), view('c', running)),
    phase: 'Running',
    conditions: 'Initialized Ready ContainersReady',
  },
  {
    name: 'deleted, ended by SIGTERM',
    status: statusOf(with_({}, deleted), view('c', ended(143))),
    phase: 'Failed',
    conditions: 'Initialized',
  },
  {
    name: 'deleted, ended by itself',
    status: statusOf(with_({}, deleted), view('c', ended(0))),
    phase: 'Succeeded',
    conditions: 'Initialized',
  },
]
for (const { name, status, phase, conditions } of rows) {
  test(`status: ${name}`, () => {
    assert.equal(status.phase, phase)
    const ours = (status.conditions ?? []).filter(
      (c) => c.status === 'True' && c.type !== 'PodScheduled' && c.type !== 'PodReadyToStartContainers',
    )
    assert.equal(ours.map(({ type }) => type).join(' '), conditions)
  })
}

test('the whole status of a running pod', () => {
  const containerID = 'process://u_c_1'
  const imageID = 'npm:x@1.0.0'
  const condition = (type: string) => ({
    type,
    status: 'True',
    observedGeneration: 1,
    lastTransitionTime: nowIso,
  })
  assert.deepEqual(statusOf(pod, view('c', running, { containerID, imageID, restartCount: 2 })), {
    observedGeneration: 1,
    phase: 'Running',
    conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
      condition,
    ),
    hostIP: '192.0.2.1',
    hostIPs: [{ ip: '192.0.2.1' }],
    podIP: '10.64.0.5',
    podIPs: [{ ip: '10.64.0.5' }],
    startTime: '2026-01-01T00:00:00Z',
    containerStatuses: [
      {
        name: 'c',
        state: running,
        lastState: {},
        ready: true,
        restartCount: 2,
        image: 'npm:x@1',
        imageID,
        containerID,
        started: true,
      },
    ],
  })
})

test('why a pod is not ready', () => {
  const ready = statusOf(with_(two), view('c', running, { ready: false })).conditions?.find(
    (c) => c.type === 'Ready',
  )
  assert.equal(ready?.reason, 'ContainersNotReady')
  assert.equal(ready?.message, 'containers with unready status: [c d]')
})

test('a transition time moves only with the status, and conditions of others stay', () => {
  const before = [
    { type: 'Ready', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' },
    { type: 'ContainersReady', status: 'False', lastTransitionTime: '2025-01-01T00:00:00Z' },
    { type: 'PodScheduled', status: 'True', lastTransitionTime: '2024-01-01T00:00:00Z' },
    { type: 'example.com/mine', status: 'True' },
  ]
  const status = statusOf({ ...pod, status: { conditions: before } }, view('c', running))
  const timeOf = (type: string) => status.conditions?.find((c) => c.type === type)?.lastTransitionTime
  assert.equal(timeOf('Ready'), '2025-01-01T00:00:00Z')
  assert.equal(timeOf('ContainersReady'), nowIso)
  assert.equal(timeOf('PodScheduled'), '2024-01-01T00:00:00Z')
  assert.ok(status.conditions?.some(({ type }) => type === 'example.com/mine'))
})

test('a readiness gate keeps a pod from being ready', () => {
  const gated = with_({ readinessGates: [{ conditionType: 'g' }] })
  const of = (subject: Pod) =>
    statusOf(subject, view('c', running)).conditions?.find((c) => c.type === 'Ready')
  assert.equal(of(gated)?.reason, 'ReadinessGatesNotReady')
  assert.equal(of({ ...gated, status: { conditions: [{ type: 'g', status: 'True' }] } })?.status, 'True')
})

test('a pod that the agent ended says why', () => {
  const message = 'too long'
  const status = podStatus({
    pod,
    views: new Map(),
    startTime: nowIso,
    hostIP: '',
    nowIso,
    ended: { reason: 'DeadlineExceeded', message },
  })
  assert.deepEqual([status.phase, status.reason, status.message], ['Failed', 'DeadlineExceeded', message])
})

test('a patch holds what differs, takes away what is gone, and nothing when nothing differs', () => {
  const old: PodStatus = { phase: 'Pending', reason: 'Old', message: 'old', hostIP: '1' }
  assert.deepEqual(statusPatch('u', old, { phase: 'Running', hostIP: '1' }), {
    metadata: { uid: 'u' },
    status: { reason: null, message: null, phase: 'Running' },
  })
  assert.equal(statusPatch('u', old, old), undefined)
})
