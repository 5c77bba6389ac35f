import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../api/schema/types.gen.ts'
import { planPod, type ContainerFacts } from './pod-plan.ts'

const pod = (restartPolicy: string, inits: readonly string[] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {},
  spec: {
    restartPolicy,
    containers: [{ name: 'a' }, { name: 'b' }],
    initContainers: inits.map((name) => ({ name })),
  },
})
/** Names that end in `s` are sidecars. */
const withSidecars = (restartPolicy: string, inits: readonly string[]): Pod => {
  const plain = pod(restartPolicy)
  const initContainers = inits.map((name) => ({
    name,
    ...(name.endsWith('s') && { restartPolicy: 'Always' }),
  }))
  return { ...plain, spec: { ...plain.spec, initContainers } }
}
const none: ContainerFacts = { phase: 'none' }
const running: ContainerFacts = { phase: 'running' }
const exited = (exitCode: number): ContainerFacts => ({ phase: 'exited', exitCode, finishedAtMs: 0 })
const started: ContainerFacts = { phase: 'running', isStarted: true }
const backoff = { delayMs: 20_000, raisedAtMs: 0 }

interface Row {
  readonly name: string
  readonly pod: Pod
  readonly facts: Record<string, ContainerFacts>
  readonly actions: readonly string[]
  readonly isDone?: boolean
}
const rows: Row[] = [
  {
    name: 'a new pod starts all its containers',
    pod: pod('Always'),
    facts: {},
    actions: ['start a', 'start b'],
  },
  { name: 'what runs is left alone', pod: pod('Always'), facts: { a: running, b: running }, actions: [] },
  {
    name: 'the first init container comes first',
    pod: pod('Always', ['i', 'j']),
    facts: {},
    actions: ['start i'],
  },
  {
    name: 'a running init container is waited for',
    pod: pod('Always', ['i', 'j']),
    facts: { i: running },
    actions: [],
  },
  {
    name: 'then the next one',
    pod: pod('Always', ['i', 'j']),
    facts: { i: exited(0) },
    actions: ['start j'],
  },
  {
    name: 'then the containers',
    pod: pod('Never', ['i']),
    facts: { i: exited(0) },
    actions: ['start a', 'start b'],
  },
  {
    name: 'a failed init container is run again',
    pod: pod('Always', ['i']),
    facts: { i: exited(1) },
    actions: ['start i'],
  },
  {
    name: 'under Never it ends the pod',
    pod: pod('Never', ['i']),
    facts: { i: exited(1) },
    actions: [],
    isDone: true,
  },
  {
    name: 'init containers are over once a container ran',
    pod: pod('Always', ['i']),
    facts: { i: none, a: running, b: running },
    actions: [],
  },
  {
    name: 'Always restarts a success',
    pod: pod('Always'),
    facts: { a: exited(0), b: running },
    actions: ['start a'],
  },
  { name: 'OnFailure does not', pod: pod('OnFailure'), facts: { a: exited(0), b: running }, actions: [] },
  {
    name: 'OnFailure restarts a failure',
    pod: pod('OnFailure'),
    facts: { a: exited(2), b: running },
    actions: ['start a'],
  },
  { name: 'Never restarts nothing', pod: pod('Never'), facts: { a: exited(2), b: running }, actions: [] },
  {
    name: 'all ended for good',
    pod: pod('OnFailure'),
    facts: { a: exited(0), b: exited(0) },
    actions: [],
    isDone: true,
  },
  {
    name: 'a restart waits for its back-off',
    pod: pod('Always'),
    facts: { a: { ...exited(1), backoff }, b: running },
    actions: ['wait a 19000/20000'],
  },
  {
    name: 'a failed probe kills',
    pod: pod('Always'),
    facts: { a: { ...running, failedProbe: 'liveness' }, b: running },
    actions: ['kill a liveness'],
  },
  {
    name: 'a sidecar that has not started holds up what follows',
    pod: withSidecars('Always', ['s', 'i']),
    facts: { s: running },
    actions: [],
  },
  {
    name: 'one that has started does not',
    pod: withSidecars('Always', ['s', 'i']),
    facts: { s: started },
    actions: ['start i'],
  },
  {
    name: 'the containers wait for the last sidecar',
    pod: withSidecars('Always', ['i', 's']),
    facts: { i: exited(0), s: running },
    actions: [],
  },
  {
    name: 'a sidecar that ends while others come up is started again beside them',
    pod: withSidecars('Never', ['s', 'i']),
    facts: { s: exited(1), i: running },
    actions: ['start s'],
  },
  {
    name: 'and so is one whose pod runs, under Never as well',
    pod: withSidecars('Never', ['s']),
    facts: { s: exited(0), a: running, b: exited(0) },
    actions: ['start s'],
  },
  {
    name: 'sidecars end after the containers, the last one first',
    pod: withSidecars('Never', ['1s', '2s']),
    facts: { '1s': started, '2s': started, a: exited(0), b: exited(1) },
    actions: ['end 2s'],
    isDone: true,
  },
  {
    name: 'and then the first',
    pod: withSidecars('OnFailure', ['1s', '2s']),
    facts: { '1s': started, '2s': exited(0), a: exited(0), b: exited(0) },
    actions: ['end 1s'],
    isDone: true,
  },
  {
    name: 'sidecars end when an init container has failed for good',
    pod: withSidecars('Never', ['s', 'i']),
    facts: { s: started, i: exited(1) },
    actions: ['end s'],
    isDone: true,
  },
]
for (const { name, pod: subject, facts, actions, isDone = false } of rows) {
  test(`plan: ${name}`, () => {
    const plan = planPod(subject, new Map(Object.entries(facts)), 1_000)
    const shown = plan.actions.map((action) => {
      switch (action.do) {
        case 'start':
          return `start ${action.name}`
        case 'kill':
          return `kill ${action.name} ${action.probe}`
        case 'end':
          return `end ${action.name}`
        case 'wait':
          return `wait ${action.name} ${action.waitMs}/${action.delayMs}`
      }
    })
    assert.deepEqual(shown, actions)
    assert.equal(plan.isDone, isDone)
  })
}
