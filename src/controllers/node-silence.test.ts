import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, Taint, Toleration } from '../api/schema/types.gen.ts'
import { pod, secondsAgo } from './fixture.ts'
import { afterSilence, evictAfterMs, hasToBeReplaced, taintsFor, unheardConditions } from './node-silence.ts'

const node = (ready: string | undefined, taints: Taint[] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n' },
  spec: { taints },
  status: {
    conditions:
      ready === undefined ? [] : [{ type: 'Ready', status: ready, lastHeartbeatTime: secondsAgo(9) }],
  },
})
const key = 'node.kubernetes.io/unreachable'
const at = secondsAgo(0)

const taints = [
  { name: 'ready: none', ready: 'True', before: [], after: [] },
  {
    name: 'ready again: ours go, others stay',
    ready: 'True',
    before: [`${key}:NoExecute`, 'gpu:NoSchedule'],
    after: ['gpu:NoSchedule'],
  },
  {
    name: 'unknown: nothing new, and pods go',
    ready: 'Unknown',
    before: [],
    after: [`${key}:NoSchedule`, `${key}:NoExecute`],
  },
  {
    name: 'not ready: nothing new',
    ready: 'False',
    before: [`${key}:NoExecute`],
    after: ['node.kubernetes.io/not-ready:NoSchedule'],
  },
  { name: 'not a word yet: none', ready: undefined, before: [], after: [] },
]
for (const { name, ready, before, after } of taints) {
  test(`taints: ${name}`, () => {
    const present = before.map((text) => ({
      key: text.split(':')[0] ?? '',
      effect: text.split(':')[1] ?? '',
    }))
    assert.deepEqual(
      taintsFor(node(ready, present), at).map((taint) => `${taint.key}:${taint.effect}`),
      after,
    )
  })
}

test('what a node lacks becomes a taint, and goes with the lack', () => {
  const lacking: Node = {
    ...node('True', [{ key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' }]),
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'MemoryPressure', status: 'False' },
        { type: 'DiskPressure', status: 'True' },
      ],
    },
  }
  assert.deepEqual(
    taintsFor(lacking, at).map((taint) => `${taint.key}:${taint.effect}`),
    ['node.kubernetes.io/disk-pressure:NoSchedule'],
  )
})

test('a taint that is there keeps its time', () => {
  const present = { key, effect: 'NoSchedule', timeAdded: secondsAgo(60) }
  assert.deepEqual(taintsFor(node('Unknown', [present]), at)[0], present)
})

test('all conditions become unknown, Ready also where there was none', () => {
  assert.deepEqual(
    unheardConditions(node(undefined), at).map(({ type, status }) => [type, status]),
    [['Ready', 'Unknown']],
  )
  const [ready] = unheardConditions(node('True'), at)
  assert.deepEqual(
    [ready?.status, ready?.lastTransitionTime, ready?.lastHeartbeatTime],
    ['Unknown', at, secondsAgo(9)],
  )
  const once = node('True')
  const conditions = unheardConditions(once, at)
  assert.deepEqual(unheardConditions({ ...once, status: { conditions } }, secondsAgo(-60)), conditions)
})

const tolerations: readonly { readonly name: string; readonly list: Toleration[]; readonly is: number }[] = [
  { name: 'none: at once', list: [], is: 0 },
  { name: 'another taint', list: [{ key: 'gpu', operator: 'Exists' }], is: 0 },
  { name: 'for ever', list: [{ key, operator: 'Exists', effect: 'NoExecute' }], is: Infinity },
  { name: 'everything', list: [{ operator: 'Exists' }], is: Infinity },
  { name: 'only NoSchedule', list: [{ key, operator: 'Exists', effect: 'NoSchedule' }], is: 0 },
  {
    name: 'for a while',
    list: [{ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    is: 300_000,
  },
  {
    name: 'the shortest while',
    list: [
      { key, operator: 'Exists' },
      { key, operator: 'Exists', tolerationSeconds: 60 },
      { key, operator: 'Exists', tolerationSeconds: 300 },
    ],
    is: 60_000,
  },
  { name: 'another value', list: [{ key, value: 'x', effect: 'NoExecute' }], is: 0 },
]
for (const { name, list, is } of tolerations) {
  test(`a pod puts up with silence: ${name}`, () => {
    const made = pod('p')
    assert.equal(evictAfterMs({ ...made, spec: { ...made.spec, tolerations: list } }), is)
  })
}

test('a pod that runs once stays for as long as its node may run it, and longer where it tolerates more', () => {
  const made = pod('p')
  const annotations = { 'sampan.dev/run-once': 'true' }
  const once = (list: Toleration[]) =>
    evictAfterMs({
      ...made,
      metadata: { ...made.metadata, annotations },
      spec: { ...made.spec, tolerations: list },
    })
  const patience = (tolerationSeconds: number) => once([{ key, operator: 'Exists', tolerationSeconds }])
  assert.deepEqual([once([]), patience(10), patience(300)], [50_000, 50_000, 300_000])
})

test('only what a controller makes again is taken away, and what belongs to the node stays', () => {
  assert.equal(hasToBeReplaced(pod('bare')), false)
  assert.equal(hasToBeReplaced(pod('owned', { owner: 's' })), true)
  const daemon = pod('daemon', { owner: 's' })
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'd', controller: true },
  ]
  assert.equal(hasToBeReplaced({ ...daemon, metadata: { ...daemon.metadata, ownerReferences } }), false)
})

test('a pod on a silent node is not ready, since now', () => {
  assert.deepEqual(afterSilence(pod('p', { readyFor: 60 }), at), [
    { type: 'Ready', status: 'False', reason: 'NodeNotReady', lastTransitionTime: at },
  ])
})
