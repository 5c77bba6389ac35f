import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import type { Pod, PodSpec } from '../api/schema/types.gen.ts'
import { decide, filters, scores } from './decide.ts'
import { container, node, pod, type NodeFacts, type PodFacts } from './fixture.ts'
import { takeSnapshot } from './snapshot.ts'

/** Why the pod does not fit on a single node with `facts`; empty when it does. */
function refusal(wanted: Pod, facts: NodeFacts, running: readonly PodFacts[] = []): string {
  const pods = running.map((one, i) => pod(`r${i}`, { on: 'n', phase: 'Running', ...one }))
  const decision = decide(wanted, takeSnapshot([node('n', facts)], pods))
  return decision.node === undefined ? decision.message.replace('0/1 nodes are available: ', '') : ''
}

const affinity = (...terms: object[]): Partial<PodSpec> =>
  ({
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
    },
  }) as Partial<PodSpec>
const inZone = (...values: string[]) => ({ matchExpressions: [{ key: 'zone', operator: 'In', values }] })
const gpu = { key: 'gpu', value: 'yes', effect: 'NoSchedule' }

const rows: readonly {
  readonly name: string
  readonly pod?: PodFacts
  readonly node?: NodeFacts
  readonly running?: readonly PodFacts[]
  readonly says: string
}[] = [
  { name: 'an ordinary pod on an ordinary node', says: '' },
  { name: 'a cordoned node', node: { unschedulable: true }, says: '1 node(s) were unschedulable.' },
  {
    name: 'a cordoned node, tolerated',
    node: { unschedulable: true },
    pod: { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] } },
    says: '',
  },
  { name: 'a node that is not ready', node: { ready: 'False' }, says: '1 node(s) were not ready.' },
  { name: 'a node that nobody hears of', node: { ready: 'Unknown' }, says: '1 node(s) were not ready.' },
  { name: 'a taint', node: { taints: [gpu] }, says: '1 node(s) had untolerated taint {gpu: yes}.' },
  {
    name: 'a taint, tolerated',
    node: { taints: [gpu] },
    pod: { spec: { tolerations: [{ key: 'gpu', value: 'yes' }] } },
    says: '',
  },
  {
    name: 'a NoExecute taint',
    node: { taints: [{ ...gpu, effect: 'NoExecute' }] },
    says: '1 node(s) had untolerated taint {gpu: yes}.',
  },
  {
    name: 'a PreferNoSchedule taint does not refuse',
    node: { taints: [{ ...gpu, effect: 'PreferNoSchedule' }] },
    says: '',
  },
  {
    name: 'a node selector',
    pod: { spec: { nodeSelector: { zone: 'a' } } },
    node: { labels: { zone: 'b' } },
    says: "1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'a node selector that matches',
    pod: { spec: { nodeSelector: { zone: 'a' } } },
    node: { labels: { zone: 'a' } },
    says: '',
  },
  {
    name: 'a required affinity',
    pod: { spec: affinity(inZone('a')) },
    node: { labels: { zone: 'b' } },
    says: "1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'one of two terms is enough',
    pod: { spec: affinity(inZone('a'), inZone('b')) },
    node: { labels: { zone: 'b' } },
    says: '',
  },
  {
    name: 'no container runtime for an OCI image',
    pod: { spec: { containers: [container({}, { image: 'docker.io/library/nginx' })] } },
    says: '1 node(s) had no container runtime for the image "docker.io/library/nginx" (an npm package is written npm:NAME@VERSION, a folder dir:/PATH).',
  },
  {
    name: 'a container runtime is there',
    pod: { spec: { containers: [container({}, { image: 'docker.io/library/nginx' })] } },
    node: { labels: { 'sampan.dev/runtime.container': 'true' } },
    says: '',
  },
  {
    name: 'an image without any scheme is told how a package is written',
    pod: { spec: { containers: [container({}, { image: 'express:4' })] } },
    says: '1 node(s) had no container runtime for the image "express:4" (an npm package is written npm:NAME@VERSION, a folder dir:/PATH).',
  },
  {
    name: 'runtimeClassName decides over the image',
    pod: { spec: { runtimeClassName: 'microvm' } },
    says: '1 node(s) had no microvm runtime.',
  },
  {
    name: 'a level of the sandbox that the node can not give',
    pod: { annotations: { 'sampan.dev/sandbox': 'bubblewrap' } },
    node: { labels: { 'sampan.dev/sandbox.permission': 'true' } },
    says: '1 node(s) had no bubblewrap sandbox.',
  },
  {
    name: 'a level of the sandbox that the node can give',
    pod: { annotations: { 'sampan.dev/sandbox': 'permission' } },
    node: { labels: { 'sampan.dev/sandbox.permission': 'true' } },
    says: '',
  },
  {
    name: 'no sandbox wanted',
    pod: { annotations: { 'sampan.dev/sandbox': 'none' } },
    says: '',
  },
  {
    name: 'too little of everything',
    pod: { requests: { cpu: '5', memory: '9Gi' } },
    says: '1 Insufficient cpu, 1 Insufficient memory.',
  },
  {
    name: 'what runs there counts',
    pod: { requests: { cpu: '1500m' } },
    running: [{ requests: { cpu: '1' } }, { requests: { cpu: '1600m' } }],
    says: '1 Insufficient cpu.',
  },
  {
    name: 'exactly as much as is left fits',
    pod: { requests: { cpu: '1400m', memory: '8Gi' } },
    running: [{ requests: { cpu: '1' } }, { requests: { cpu: '1600m' } }],
    says: '',
  },
  {
    name: 'what is finished does not count',
    pod: { requests: { cpu: '4' } },
    running: [
      { requests: { cpu: '4' }, phase: 'Succeeded' },
      { requests: { cpu: '4' }, phase: 'Failed' },
    ],
    says: '',
  },
  { name: 'too many pods', node: { allocatable: { pods: '1' } }, running: [{}], says: '1 Too many pods.' },
  {
    name: 'a resource that the node does not have',
    pod: { requests: { 'example.com/gpu': '1' } },
    says: '1 Insufficient example.com/gpu.',
  },
  {
    name: 'none of a resource that the node does not have',
    pod: { requests: { 'example.com/gpu': '0' } },
    says: '',
  },
]
for (const row of rows)
  test(`filter: ${row.name}`, () =>
    assert.equal(refusal(pod('p', row.pod), row.node ?? {}, row.running), row.says))

test('every filter and score has a row or a test, and a name of its own', () => {
  assert.equal(new Set([...filters, ...scores].map(({ name }) => name)).size, filters.length + scores.length)
})

test('reasons of many nodes are counted and sorted as upstream does; the first filter that refuses speaks', () => {
  const nodes = [
    node('a', { unschedulable: true, ready: 'False' }),
    node('b', { allocatable: { cpu: '1' } }),
    node('c', { allocatable: { cpu: '1', memory: '1Gi' } }),
    node('d', { taints: [gpu] }),
  ]
  const decision = decide(pod('p', { requests: { cpu: '2', memory: '2Gi' } }), takeSnapshot(nodes, []))
  assert.deepEqual(decision, {
    node: undefined,
    message:
      '0/4 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {gpu: yes}, 1 node(s) were unschedulable, 2 Insufficient cpu.',
  })
})

test('no nodes at all says what to do', () => {
  const decision = decide(pod('p'), takeSnapshot([], []))
  assert.match(
    decision.node === undefined ? decision.message : '',
    /^no nodes available to schedule pods: join a machine/,
  )
})

const preferences: readonly {
  readonly name: string
  readonly pod?: PodFacts
  readonly worse: NodeFacts
  readonly better: NodeFacts
  readonly running?: readonly PodFacts[]
}[] = [
  { name: 'the emptier one', worse: {}, better: {}, running: [{ on: 'a-worse', requests: { cpu: '2' } }] },
  { name: 'the larger one', worse: { allocatable: { cpu: '2', memory: '4Gi' } }, better: {} },
  {
    name: 'of two with pods that ask for nothing, the one with fewer',
    worse: {},
    better: {},
    running: [{ on: 'a-worse' }, { on: 'a-worse' }, { on: 'b-better' }],
  },
  {
    name: 'the one without siblings, though it is fuller',
    pod: { owner: 's' },
    worse: {},
    better: {},
    running: [
      { on: 'a-worse', owner: 's' },
      { on: 'b-better', owner: 't', requests: { cpu: '2' } },
    ],
  },
  {
    name: 'the one without an unwelcome taint',
    worse: { taints: [{ ...gpu, effect: 'PreferNoSchedule' }] },
    better: {},
  },
  {
    name: 'the one that is preferred',
    pod: {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: inZone('b') }],
          },
        },
      } as Partial<PodSpec>,
    },
    worse: { labels: { zone: 'a' } },
    better: { labels: { zone: 'b' } },
  },
  {
    name: 'the one that is preferred more',
    pod: {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, preference: inZone('a') },
              { weight: 90, preference: inZone('b') },
            ],
          },
        },
      } as Partial<PodSpec>,
    },
    worse: { labels: { zone: 'a' } },
    better: { labels: { zone: 'b' } },
  },
]
for (const { name, pod: facts, worse, better, running = [] } of preferences) {
  test(`score: ${name}`, () => {
    const pods = running.map((one, i) => pod(`r${i}`, { phase: 'Running', ...one }))
    const snapshot = takeSnapshot([node('a-worse', worse), node('b-better', better)], pods)
    assert.equal(decide(pod('p', facts), snapshot).node, 'b-better')
  })
}

test('of equals the first by name is taken', () => {
  assert.equal(decide(pod('p'), takeSnapshot([node('b'), node('a'), node('c')], [])).node, 'a')
})

test('scores stay within 0 and 100, a chosen node has room, and the order of nodes does not matter', () => {
  const amount = fc.integer({ min: 0, max: 6_000 }).map((n) => `${n}m`)
  const facts = fc.record({
    on: fc.constantFrom('a', 'b', 'c'),
    owner: fc.constantFrom('s', 't'),
    cpu: amount,
  })
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 20 }), amount, (running, cpu) => {
      const pods = running.map(({ cpu: used, ...rest }, i) =>
        pod(`r${i}`, { phase: 'Running', requests: { cpu: used }, ...rest }),
      )
      const nodes = ['a', 'b', 'c'].map((name) => node(name, { allocatable: { cpu: '8' } }))
      const wanted = pod('p', { owner: 's', requests: { cpu } })
      const snapshot = takeSnapshot(nodes, pods)
      for (const state of snapshot.nodes) {
        for (const part of scores) {
          const score = part.score(wanted, state, snapshot)
          assert.ok(score >= 0 && score <= 100, `${part.name} gives ${score}`)
        }
      }
      const decision = decide(wanted, snapshot)
      assert.deepEqual(decide(wanted, takeSnapshot(nodes.toReversed(), pods.toReversed())), decision)
      const chosen = snapshot.nodes.find(({ name }) => name === decision.node)
      const wish = Number.parseInt(cpu)
      // A pod that asks for nothing goes on a full node too, as upstream.
      if (chosen && wish > 0) assert.ok((chosen.requested['cpu'] ?? 0) + wish <= 8_000)
    }),
  )
})
