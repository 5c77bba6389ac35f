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
const none: ContainerFacts = { phase: 'none' }
const running: ContainerFacts = { phase: 'running' }
const exited = (exitCode: number): ContainerFacts => ({ phase: 'exited', exitCode, finishedAtMs: 0 })
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
        case 'wait':
          return `wait ${action.name} ${action.waitMs}/${action.delayMs}`
      }
    })
    assert.deepEqual(shown, actions)
    assert.equal(plan.isDone, isDone)
  })
}
